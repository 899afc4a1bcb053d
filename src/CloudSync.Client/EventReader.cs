// Reads server-sent events. An event counts when the empty line behind it has come.

using System.Globalization;

namespace CloudSync.Client;

/// <summary>An event.</summary>
/// <param name="Name">"message" unless it says otherwise.</param>
/// <param name="Id">0 if it has none.</param>
/// <param name="Data">As it was sent.</param>
internal readonly record struct ServerEvent(string Name, long Id, string Data);

internal sealed class EventReader(TextReader text)
{
    /// <summary>The next event, or null at the end.</summary>
    public async ValueTask<ServerEvent?> ReadAsync(CancellationToken cancellationToken)
    {
        var read = new ServerEvent("message", 0, "");
        while (await text.ReadLineAsync(cancellationToken).ConfigureAwait(false) is { } line)
        {
            if (line.Length > 0)
                read = Add(read, line);
            else if (read.Data.Length > 0)
                return read;
            else
                read = new ServerEvent("message", 0, "");
        }

        return null;
    }

    private static ServerEvent Add(ServerEvent read, string line)
    {
        var colon = line.IndexOf(':', StringComparison.Ordinal);
        var value = colon < 0 ? "" : line[(colon + 1)..].TrimStart(' ');
        return (colon < 0 ? line : line[..colon]) switch
        {
            "event" => read with { Name = value },
            "id" => read with { Id = long.TryParse(value, CultureInfo.InvariantCulture, out var id) ? id : 0 },
            "data" => read with { Data = read.Data + value },
            _ => read,
        };
    }
}
