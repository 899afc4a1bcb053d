// A program of ours as a process of its own.

using System.Diagnostics;
using System.Runtime.InteropServices;

namespace CloudSync.Server.Tests.Program;

internal sealed partial class RunningProgram : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    private readonly Process _process;
    private readonly Task<string> _errors;

    private RunningProgram(Process process)
    {
        _process = process;
        _errors = process.StandardError.ReadToEndAsync();
    }

    public static RunningProgram Start(string name, string[] arguments, params ReadOnlySpan<(string, string)> environment)
    {
        var start = new ProcessStartInfo(Path.Combine(AppContext.BaseDirectory, name), arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var (variable, value) in environment)
            start.Environment[variable] = value;
        return new RunningProgram(Process.Start(start)!);
    }

    /// <summary>Reads what it prints until a line has this in it; returns what follows in that line.</summary>
    public async Task<string> ReadAfterAsync(string marker)
    {
        using var patience = new CancellationTokenSource(Patience);
        while (await _process.StandardOutput.ReadLineAsync(patience.Token) is { } line)
        {
            var at = line.IndexOf(marker, StringComparison.Ordinal);
            if (at >= 0)
                return line[(at + marker.Length)..];
        }

        throw new InvalidOperationException($"It ended without printing '{marker}': {await _errors}");
    }

    /// <summary>As Ctrl-C does.</summary>
    public void Interrupt() => _ = Kill(_process.Id, 2);

    public async Task<(int ExitCode, string Output, string Errors)> ExitAsync()
    {
        using var patience = new CancellationTokenSource(Patience);
        var output = await _process.StandardOutput.ReadToEndAsync(patience.Token);
        await _process.WaitForExitAsync(patience.Token);
        return (_process.ExitCode, output, await _errors);
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
            _process.Kill();
        await _process.WaitForExitAsync();
        _process.Dispose();
    }

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Kill(int process, int signal);
}
