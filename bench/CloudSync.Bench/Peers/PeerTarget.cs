// A peer's server as a target of the load: a program for Node, started for the measurement. bench/peers/servers has them.

using System.Diagnostics;
using System.Globalization;
using CloudSync.Bench.Generator;
using CloudSync.Bench.Load;

namespace CloudSync.Bench.Peers;

internal sealed class PeerTarget : LoadTarget
{
    /// <summary>By the names that --target takes.</summary>
    public static readonly IReadOnlyDictionary<string, (string Title, Func<LoadProtocol> Protocol)> All =
        new Dictionary<string, (string, Func<LoadProtocol>)>
        {
            ["hocuspocus"] = ("Hocuspocus, in memory", static () => new HocuspocusProtocol()),
            ["sharedb"] = ("ShareDB, in memory", static () => new ShareDbProtocol()),
            ["socketio"] = ("Socket.IO, which passes on and keeps nothing", static () => new SocketIoProtocol()),
        };

    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(60);

    private readonly Process _process;

    private PeerTarget(string name, Process process, Uri address)
    {
        (_process, Address, Name) = (process, address, All[name].Title);
        Parts = new Dictionary<string, IReadOnlyList<int>> { ["server"] = [process.Id] };
        Servers = [process.Id];
    }

    public override string Name { get; }

    public override Uri Address { get; }

    public override IReadOnlyDictionary<string, IReadOnlyList<int>> Parts { get; }

    public override IReadOnlyList<int> Servers { get; }

    /// <summary>The names of the documents that its server has from the start.</summary>
    public static IReadOnlyList<string> DocumentIds(int count) =>
        [.. Enumerable.Range(1, count).Select(static number => string.Create(CultureInfo.InvariantCulture, $"load-{number}"))];

    /// <exception cref="InvalidDataException">It doesn't start; says why.</exception>
    public static async Task<LoadTarget> StartPeerAsync(string name, int documents, CancellationToken stop)
    {
        var folder = Path.Combine(
            Environment.GetEnvironmentVariable("CLOUDSYNC_PEERS")
                ?? throw new InvalidDataException("CLOUDSYNC_PEERS, the folder of the peers, is not set."),
            "servers");
        var process = new Process
        {
            StartInfo = new("node", [$"{name}.mjs", documents.ToString(CultureInfo.InvariantCulture)])
            {
                WorkingDirectory = folder,
                RedirectStandardInput = true,
                RedirectStandardOutput = true,
            },
        };
        try
        {
            process.Start();
            var line = await process.StandardOutput.ReadLineAsync(stop).AsTask().WaitAsync(s_patience, stop);
            if (line is null || !line.StartsWith("listening on ", StringComparison.Ordinal))
                throw new InvalidDataException($"The server of {name} doesn't start: {line}");
            // So that it is never held up by what it may have to say besides.
            _ = process.StandardOutput.ReadToEndAsync(CancellationToken.None);
            return new PeerTarget(name, process, new Uri($"http://127.0.0.1:{line["listening on ".Length..]}"));
        }
        catch (System.ComponentModel.Win32Exception exception)
        {
            process.Dispose();
            throw new InvalidDataException($"Node can't be started: {exception.Message}");
        }
        catch
        {
            process.Kill();
            process.Dispose();
            throw;
        }
    }

    public override async ValueTask DisposeAsync()
    {
        _process.Kill();
        await _process.WaitForExitAsync();
        _process.Dispose();
    }
}
