// What of the machine is used while something is measured: processor time of each part, and the most memory that CloudSync's
// own processes had, looked at twice a second.

using System.Diagnostics;

namespace CloudSync.Bench.Load;

internal sealed class MachineUse : IAsyncDisposable
{
    private static readonly TimeSpan s_period = TimeSpan.FromMilliseconds(500);

    private readonly LoadTarget _target;
    private readonly Dictionary<string, double> _before;
    private readonly long _began = Stopwatch.GetTimestamp();
    private readonly CancellationTokenSource _stopping = new();
    private readonly Task _sampling;
    private long _memory;

    private MachineUse(LoadTarget target)
    {
        _target = target;
        _before = ReadProcessors();
        _sampling = SampleAsync();
    }

    public static MachineUse Begin(LoadTarget target) => new(target);

    /// <summary>Ends the measurement.</summary>
    /// <returns>
    /// Processor seconds of each part; cores of each on average; bytes of memory at the most, null if nothing is known of
    /// the server's processes.
    /// </returns>
    public async Task<(IReadOnlyDictionary<string, double> Seconds, IReadOnlyDictionary<string, double> Cores, long? Memory)> EndAsync()
    {
        var elapsed = Stopwatch.GetElapsedTime(_began).TotalSeconds;
        var seconds = ReadProcessors().ToDictionary(
            static part => part.Key, part => part.Value - _before.GetValueOrDefault(part.Key));
        await DisposeAsync();
        return (
            seconds, seconds.ToDictionary(static part => part.Key, part => Math.Round(part.Value / elapsed, 2)),
            _target.Servers.Count == 0 ? null : _memory);
    }

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        await _sampling;
    }

    private async Task SampleAsync()
    {
        using var timer = new PeriodicTimer(s_period);
        try
        {
            do
                _memory = Math.Max(_memory, _target.Servers.Sum(static id => ProcessMemory.Read(id).Resident));
            while (await timer.WaitForNextTickAsync(_stopping.Token));
        }
        catch (OperationCanceledException)
        {
            // It is over.
        }
    }

    private Dictionary<string, double> ReadProcessors()
    {
        var seconds = _target.Parts.ToDictionary(static part => part.Key, static part => part.Value.Sum(ProcessorTime.OfTree));
        seconds[LoadTarget.Generator] = ProcessorTime.OfThisProcess();
        return seconds;
    }
}
