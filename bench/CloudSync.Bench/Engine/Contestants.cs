// Runs ours and each peer on a session, one process after the other.

using System.Diagnostics;
using System.Globalization;
using System.Text.Json;

namespace CloudSync.Bench.Engine;

internal static class Contestants
{
    // From the quickest to the slowest, so that whoever is watching sees something soon.
    private static readonly string[] s_peers =
        ["diamond-types-node", "loro-crdt", "yjs", "quill-delta", "@automerge/automerge", "ot-text-unicode"];

    /// <summary>Whom ours is measured beside.</summary>
    public static IReadOnlyList<string> Peers => s_peers;

    public static async Task<ContestantResult> RunOursAsync(RecordedEdits edits, CancellationToken stop)
    {
        var file = new FileInfo(Path.GetTempFileName());
        try
        {
            edits.Save(file);
            return await RunAsync(Environment.ProcessPath!, ["engine", "apply", file.FullName], stop);
        }
        finally
        {
            file.Delete();
        }
    }

    /// <exception cref="InvalidOperationException">CLOUDSYNC_PEERS isn't set, or the peer fails.</exception>
    public static Task<ContestantResult> RunPeerAsync(string name, FileInfo trace, int limit_s, CancellationToken stop)
    {
        // The launcher says where they are, having installed them.
        var folder = Environment.GetEnvironmentVariable("CLOUDSYNC_PEERS")
            ?? throw new InvalidOperationException("CLOUDSYNC_PEERS, the folder of the peers, is not set; --no-peers does without.");
        return RunAsync(
            "node",
            ["--expose-gc", Path.Combine(folder, "measure.mjs"), name, trace.FullName, limit_s.ToString(CultureInfo.InvariantCulture)],
            stop);
    }

    private static async Task<ContestantResult> RunAsync(string program, string[] arguments, CancellationToken stop)
    {
        using var process = new Process { StartInfo = new(program, arguments) { RedirectStandardOutput = true } };
        process.Start();
        try
        {
            var output = await process.StandardOutput.ReadToEndAsync(stop);
            await process.WaitForExitAsync(stop);
            return process.ExitCode == 0
                ? JsonSerializer.Deserialize<ContestantResult>(output, EngineReport.Json)!
                : throw new InvalidOperationException($"{program} {string.Join(' ', arguments)} ended with {process.ExitCode}.");
        }
        finally
        {
            if (!process.HasExited)
                process.Kill();
        }
    }
}
