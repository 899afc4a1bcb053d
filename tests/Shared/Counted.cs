// What one process of a deployment has counted on its meters.

using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using Microsoft.Extensions.DependencyInjection;

namespace CloudSync.Tests.Shared;

internal sealed class Counted : IDisposable
{
    private readonly MeterListener _listener = new();
    private readonly ConcurrentDictionary<string, long> _sums = new();

    public Counted(IServiceProvider services)
    {
        var scope = services.GetRequiredService<IMeterFactory>();
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            if (ReferenceEquals(instrument.Meter.Scope, scope))
                listener.EnableMeasurementEvents(instrument);
        };
        _listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) =>
        {
            var name = instrument.Name;
            foreach (var tag in tags)
                name += $" {tag.Value}";
            _sums.AddOrUpdate(name, value, (_, sum) => sum + value);
        });
        _listener.Start();
    }

    /// <summary>The sum of a counter; with the value of its tag after a space.</summary>
    public long this[string counter] => _sums.GetValueOrDefault(counter);

    public Task UntilAsync(string counter, long sum) => Eventually.IsAsync(() => this[counter] >= sum, $"{counter} doesn't reach {sum}");

    public void Dispose() => _listener.Dispose();
}
