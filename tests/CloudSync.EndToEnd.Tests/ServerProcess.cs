// The real program, as a process: started, killed without warning, stopped in order.

using System.Diagnostics;

namespace CloudSync.EndToEnd.Tests;

/// <summary>A server process that has said where it listens.</summary>
internal sealed class ServerProcess : IAsyncDisposable
{
    private const string Announcement = "CloudSync is running at ";
    private const int CannotListen = 4;

    private readonly Process process;
    private readonly Task<string> errors;

    private ServerProcess(Process process)
    {
        this.process = process;
        errors = process.StandardError.ReadToEndAsync();
    }

    /// <summary>Where it listens, for example http://localhost:40123.</summary>
    public Uri Address { get; private set; } = null!;

    /// <summary>The WebSocket endpoint.</summary>
    public Uri Endpoint => new UriBuilder(Address) { Scheme = "ws", Path = "/sync" }.Uri;

    private static string Program => Path.Combine(AppContext.BaseDirectory, "CloudSync.Server");

    /// <summary>Starts the program and waits until it has printed its address.</summary>
    public static async Task<ServerProcess> StartAsync(
        string dataDirectory, int port, CancellationToken cancellation, params (string Name, string Value)[] settings)
    {
        for (var attempt = 1; ; attempt++)
        {
            var server = new ServerProcess(Launch(["--data", dataDirectory, "--port", $"{port}"], settings));
            while (await server.process.StandardOutput.ReadLineAsync(cancellation) is { } line)
            {
                if (!line.StartsWith(Announcement, StringComparison.Ordinal))
                    continue;
                server.Address = new Uri(line[Announcement.Length..]);
                _ = server.process.StandardOutput.ReadToEndAsync(CancellationToken.None);
                return server;
            }

            await server.process.WaitForExitAsync(cancellation);
            var (exitCode, said) = (server.process.ExitCode, await server.errors);
            await server.DisposeAsync();
            // A client that tries to come back may be given the very port it tries to reach as its own, for a moment.
            if (exitCode != CannotListen || port == 0 || attempt == 10)
                throw new InvalidOperationException($"The server ended with {exitCode}: {said}");
        }
    }

    /// <summary>Starts the program where it is expected to end by itself.</summary>
    public static async Task<(int ExitCode, string Output, string Errors)> RunAsync(
        CancellationToken cancellation, params string[] arguments)
    {
        using var process = Launch(arguments, []);
        try
        {
            var output = process.StandardOutput.ReadToEndAsync(cancellation);
            var errors = process.StandardError.ReadToEndAsync(cancellation);
            await process.WaitForExitAsync(cancellation);
            return (process.ExitCode, await output, await errors);
        }
        finally
        {
            if (!process.HasExited)
                process.Kill();
        }
    }

    /// <summary>SIGKILL: no handler runs, nothing is flushed.</summary>
    public void Kill() => process.Kill();

    /// <summary>SIGTERM, as an operator stops it.</summary>
    public void Terminate()
    {
        using var kill = Process.Start("kill", ["-TERM", $"{process.Id}"]);
        kill.WaitForExit();
    }

    /// <summary>Waits for the end; the exit code, 137 after a kill.</summary>
    public async Task<int> WaitForExitAsync(CancellationToken cancellation)
    {
        await process.WaitForExitAsync(cancellation);
        return process.ExitCode;
    }

    public async ValueTask DisposeAsync()
    {
        if (!process.HasExited)
            process.Kill();
        await process.WaitForExitAsync();
        process.Dispose();
    }

    private static Process Launch(string[] arguments, (string Name, string Value)[] settings)
    {
        var start = new ProcessStartInfo(Program, arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var (name, value) in settings)
            start.Environment[name] = value;
        return Process.Start(start)!;
    }
}
