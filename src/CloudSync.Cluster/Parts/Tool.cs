// A program that is run for what it does and then ends, as opposed to a server.

using System.Diagnostics;

namespace CloudSync.Cluster.Parts;

internal static class Tool
{
    /// <summary>Runs a program; what it wrote to its output.</summary>
    /// <param name="command">The program and its arguments. No secrets: everybody on the machine can read these.</param>
    /// <param name="user">Who runs it if we are root; empty for the same user.</param>
    /// <param name="folder">The working folder.</param>
    /// <param name="environment">Added to this process's.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="ServerStartException">It failed; with what it said.</exception>
    public static async Task<string> RunAsync(
        IReadOnlyList<string> command, string user, string folder, IReadOnlyDictionary<string, string>? environment,
        CancellationToken cancellationToken)
    {
        List<string> all = user.Length > 0 && Environment.UserName == "root"
            ? ["setpriv", $"--reuid={user}", $"--regid={user}", "--init-groups", "--", .. command]
            : [.. command];
        var start = new ProcessStartInfo(all[0])
        {
            WorkingDirectory = folder,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var argument in all.Skip(1))
            start.ArgumentList.Add(argument);
        foreach (var (name, value) in environment ?? new Dictionary<string, string>())
            start.Environment[name] = value;
        using var process = Process.Start(start)!;
        try
        {
            process.StandardInput.Close();
            var output = process.StandardOutput.ReadToEndAsync(cancellationToken);
            var errors = process.StandardError.ReadToEndAsync(cancellationToken);
            await process.WaitForExitAsync(cancellationToken);
            if (process.ExitCode != 0)
            {
                throw new ServerStartException(
                    $"{Path.GetFileName(command[0])} failed: {(await errors).Trim().ReplaceLineEndings(" | ")}");
            }

            return await output;
        }
        catch (OperationCanceledException)
        {
            process.Kill();
            throw;
        }
    }
}
