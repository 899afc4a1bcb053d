// The measuring program as a process, with the server beside it.

using System.Diagnostics;
using Xunit;

namespace CloudSync.Bench.Tests;

internal static class Programs
{
    private static readonly string s_server = Path.Combine(AppContext.BaseDirectory, "CloudSync.Server");

    public static string Bench { get; } = Path.Combine(AppContext.BaseDirectory, "CloudSync.Bench");

    /// <summary>Runs it to its end.</summary>
    public static async Task<(int ExitCode, string Output, string Errors)> RunAsync(params string[] arguments)
    {
        var start = new ProcessStartInfo(Bench, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["CLOUDSYNC_SERVER"] = s_server;
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
}
