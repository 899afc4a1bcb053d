// A CloudSync server of our own: the program as a child process, with its data in a temporary directory.

using System.Diagnostics;
using System.Text.RegularExpressions;

namespace CloudSync.Bench.Replay;

internal sealed partial class ServerProcess : IAsyncDisposable
{
    private readonly string _program;
    private readonly DirectoryInfo _data = Directory.CreateTempSubdirectory("cloudsync-replay-");
    private readonly Queue<string> _lastLines = [];
    private Process? _process;

    private readonly IReadOnlyDictionary<string, string> _settings;

    private ServerProcess(string program, IReadOnlyDictionary<string, string> settings) => (_program, _settings) = (program, settings);

    public Uri Address { get; private set; } = null!;

    public int ProcessId => _process!.Id;

    /// <param name="stop">Gives up.</param>
    /// <param name="settings">More settings, as environment variables.</param>
    /// <exception cref="InvalidOperationException">It doesn't start; the message says why.</exception>
    public static async Task<ServerProcess> StartAsync(CancellationToken stop, IReadOnlyDictionary<string, string>? settings = null)
    {
        // The launcher says where it is.
        var program = Environment.GetEnvironmentVariable("CLOUDSYNC_SERVER")
            ?? throw new InvalidOperationException("CLOUDSYNC_SERVER, the path of the server program, is not set.");
        var server = new ServerProcess(program, settings ?? new Dictionary<string, string>());
        try
        {
            await server.StartProcessAsync(stop);
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }

        return server;
    }

    /// <summary>Kills it as a power cut would, and starts it again on the same data.</summary>
    public async Task RestartAsync(CancellationToken stop)
    {
        await KillAsync();
        await StartProcessAsync(stop);
    }

    public async ValueTask DisposeAsync()
    {
        await KillAsync();
        _data.Delete(recursive: true);
    }

    private async Task StartProcessAsync(CancellationToken stop)
    {
        var address = new TaskCompletionSource<Uri>(TaskCreationOptions.RunContinuationsAsynchronously);
        var process = new Process
        {
            StartInfo = new(_program, ["--port", "0", "--data", _data.FullName])
            {
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            },
            EnableRaisingEvents = true,
        };
        foreach (var (name, value) in _settings)
            process.StartInfo.Environment[name] = value;
        process.OutputDataReceived += (_, line) => Read(line.Data);
        process.ErrorDataReceived += (_, line) => Read(line.Data);
        process.Exited += (_, _) => address.TrySetException(new InvalidOperationException(
            $"The server stopped before it was running. {LastLines()}"));
        try
        {
            process.Start();
        }
        catch (System.ComponentModel.Win32Exception exception)
        {
            throw new InvalidOperationException($"The server program can't be started: {exception.Message}");
        }

        _process = process;
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        Address = await address.Task.WaitAsync(TimeSpan.FromSeconds(60), stop);

        void Read(string? line)
        {
            if (line is null)
                return;
            lock (_lastLines)
            {
                _lastLines.Enqueue(line);
                if (_lastLines.Count > 10)
                    _lastLines.Dequeue();
            }

            if (Running().Match(line) is { Success: true } match)
                address.TrySetResult(new Uri(match.Groups[1].Value));
        }
    }

    private async Task KillAsync()
    {
        if (_process is not { } process)
            return;
        _process = null;
        process.Kill();
        await process.WaitForExitAsync();
        process.Dispose();
    }

    private string LastLines()
    {
        lock (_lastLines)
            return string.Join(" ", _lastLines);
    }

    [GeneratedRegex(@"running at (http://\S+)")]
    private static partial Regex Running();
}
