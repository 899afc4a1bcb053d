// A generator process, as the tool that has started it sees it.

using System.Diagnostics;
using System.Net;
using System.Text.Json;

namespace CloudSync.Bench.GeneratorProcesses;

internal sealed class GeneratorProcess : IAsyncDisposable
{
    private const int SourcesInEach = 4;
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(10);

    private readonly Process _process;
    private readonly TaskCompletionSource<GeneratorReport> _opened = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource<GeneratorReport> _back = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource<GeneratorReport> _held = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Task _reading;

    private GeneratorProcess(Process process)
    {
        _process = process;
        _reading = ReadAsync();
        // Nobody may be waiting for it.
        _ = _opened.Task.Exception;
        _ = _back.Task.Exception;
        _ = _held.Task.Exception;
    }

    /// <summary>What it said last.</summary>
    public GeneratorReport Last { get; private set; } = new();

    public int Id => _process.Id;

    /// <summary>Starts it; it begins to open.</summary>
    public static async Task<GeneratorProcess> StartAsync(OpenOrder order)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!, [GeneratorCommand.Name])
        {
            RedirectStandardInput = true, RedirectStandardOutput = true, UseShellExecute = false,
        };
        var process = new GeneratorProcess(Process.Start(start)!);
        await process.TellAsync(order);
        return process;
    }

    /// <summary>Completes when every connection of it is live or broken.</summary>
    public Task<GeneratorReport> WaitUntilOpenAsync() => _opened.Task;

    /// <summary>Has it type; completes when that is over.</summary>
    public async Task<GeneratorReport> HoldAsync(HoldOrder order)
    {
        await TellAsync(order);
        return await _held.Task;
    }

    /// <summary>Has it go through a storm; completes when all of it are back.</summary>
    public async Task<GeneratorReport> StormAsync(StormOrder order)
    {
        await TellAsync(order);
        return await _back.Task;
    }

    /// <summary>Ends a storm; completes when what was typed in it has come, or was given up.</summary>
    public async Task<GeneratorReport> EndStormAsync()
    {
        await TellAsync(new EndOrder());
        return await _held.Task;
    }

    /// <summary>
    /// Addresses of this machine that a process's connections come from, if it is this machine that they go to: each has its own, so
    /// that there are ports enough.
    /// </summary>
    public static IReadOnlyList<string> SourcesOf(int process, IReadOnlyList<Uri> servers) => servers.All(static server => server.IsLoopback)
        ? [.. Enumerable.Range(1, SourcesInEach).Select(number => new IPAddress([127, 1, (byte)(process % 250), (byte)number]).ToString())]
        : [];

    public async ValueTask DisposeAsync()
    {
        // It ends with its input.
        _process.StandardInput.Close();
        using var patience = new CancellationTokenSource(s_patience);
        try
        {
            await _process.WaitForExitAsync(patience.Token);
        }
        catch (OperationCanceledException)
        {
            _process.Kill();
            await _process.WaitForExitAsync(CancellationToken.None);
        }

        await _reading;
        _process.Dispose();
    }

    private async Task TellAsync(object order)
    {
        await _process.StandardInput.WriteLineAsync(JsonSerializer.Serialize(order, order.GetType(), GeneratorMessages.Json));
        await _process.StandardInput.FlushAsync();
    }

    private async Task ReadAsync()
    {
        var fault = "";
        while (await _process.StandardOutput.ReadLineAsync() is { } line)
        {
            var report = JsonSerializer.Deserialize<GeneratorReport>(line, GeneratorMessages.Json)!;
            if (report.Fault is not null)
            {
                fault = report.Fault;
                continue;
            }

            Last = report;
            if (report.IsOpen)
                _opened.TrySetResult(report);
            if (report.IsBack)
                _back.TrySetResult(report);
            if (report.Held is not null)
                _held.TrySetResult(report);
        }

        var exception = new InvalidDataException($"A generator process has ended. {fault}".TrimEnd());
        _opened.TrySetException(exception);
        _back.TrySetException(exception);
        _held.TrySetException(exception);
    }
}
