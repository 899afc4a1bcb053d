// All lines of a run: each part reaches each other over one of its own.

using System.Collections.Concurrent;

namespace CloudSync.Chaos.Network;

internal sealed class Links : IAsyncDisposable
{
    private readonly ConcurrentDictionary<(string From, string To), Lazy<Link>> _links = new();

    public IReadOnlyList<Link> All => [.. _links.Values.Select(static link => link.Value)];

    /// <summary>The port over which one part reaches another, which listens on a port of its own.</summary>
    public int Route(string from, string to, int port) => Get(from, to, port).Port;

    /// <summary>The line from one part to another; made if there is none, and led to this port in any case.</summary>
    public Link Get(string from, string to, int port)
    {
        var link = _links.GetOrAdd((from, to), static (ends, port) => new Lazy<Link>(() => new Link(ends.From, ends.To, port)), port).Value;
        link.Target = port;
        return link;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var link in All)
            await link.DisposeAsync();
    }
}
