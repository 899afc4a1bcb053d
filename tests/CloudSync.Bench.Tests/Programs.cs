// The measuring program as a process, with the server beside it.

using System.Diagnostics;
using Xunit;

namespace CloudSync.Bench.Tests;

internal static class Programs
{
    private static readonly string s_server = Path.Combine(AppContext.BaseDirectory, "CloudSync.Server");

    public static string Bench { get; } = Path.Combine(AppContext.BaseDirectory, "CloudSync.Bench");

    /// <summary>Runs it to its end.</summary>
    public static Task<(int ExitCode, string Output, string Errors)> RunAsync(params string[] arguments) =>
        RunAsync(new Dictionary<string, string>(), arguments);

    /// <summary>Runs it to its end, in another environment.</summary>
    public static async Task<(int ExitCode, string Output, string Errors)> RunAsync(IReadOnlyDictionary<string, string> environment, params string[] arguments)
    {
        var start = new ProcessStartInfo(Bench, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["CLOUDSYNC_SERVER"] = s_server;
        start.Environment["CLOUDSYNC_PEERS"] = PeersFolder();
        foreach (var (name, value) in environment)
            start.Environment[name] = value;
        using var process = Process.Start(start)!;
        try
        {
            var output = process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
            var errors = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
            await process.WaitForExitAsync(TestContext.Current.CancellationToken);
            return (process.ExitCode, await output, await errors);
        }
        finally
        {
            if (!process.HasExited)
                process.Kill(entireProcessTree: true);
        }
    }

    // In the repository: what they need is installed there by `./cloudsync test`.
    private static string PeersFolder()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder.FullName, "CloudSync.slnx")))
            folder = folder.Parent ?? throw new InvalidOperationException("The peers are in the repository that this program was built in.");
        return Path.Combine(folder.FullName, "bench", "peers");
    }
}
