// A generator process, as the tool that has started it sees it.

using System.Diagnostics;
using System.Text.Json;

namespace CloudSync.Bench.Connections;

internal sealed class GeneratorProcess : IAsyncDisposable
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(10);

    private readonly Process _process;
    private readonly TaskCompletionSource<GeneratorReport> _opened = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource<GeneratorReport> _held = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Task _reading;

    private GeneratorProcess(Process process)
    {
        _process = process;
        _reading = ReadAsync();
        // Nobody may be waiting for it.
        _ = _opened.Task.Exception;
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
            if (report.Held is not null)
                _held.TrySetResult(report);
        }

        var exception = new InvalidDataException($"A generator process has ended. {fault}".TrimEnd());
        _opened.TrySetException(exception);
        _held.TrySetException(exception);
    }
}
