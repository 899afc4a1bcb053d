// What the gateways say of how they let people in, in their own metrics: the pace, and how late work was by which they choose it.

using System.ComponentModel;
using System.Diagnostics.Tracing;
using System.Globalization;
using Microsoft.Diagnostics.NETCore.Client;
using Microsoft.Diagnostics.Tracing;

namespace CloudSync.Bench.Storm;

/// <summary>Thread-safe.</summary>
internal sealed class AdmissionMeters : IDisposable
{
    private const string Meter = "CloudSync.Gateway";
    private const string Pace = "cloudsync.gateway.pace";
    private const string Lag = "cloudsync.gateway.admission.lag";
    private const string Seconds = "0.5";
    private const long TimeSeriesValues = 0x2;
    private const int BufferMegabytes = 4;
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(10);

    private readonly Lock _gate = new();
    private readonly List<EventPipeSession> _sessions = [];
    private readonly List<Thread> _threads = [];
    private double? _pace;
    private double? _lag;

    private AdmissionMeters()
    {
    }

    /// <summary>Begins to listen.</summary>
    /// <param name="processIds">Gateways on this machine, of this user's.</param>
    /// <exception cref="InvalidDataException">One doesn't answer.</exception>
    public static AdmissionMeters Begin(IReadOnlyList<int> processIds)
    {
        var meters = new AdmissionMeters();
        try
        {
            foreach (var id in processIds)
                meters.Listen(id);
            return meters;
        }
        catch (Exception exception) when (exception is ServerNotAvailableException or ServerErrorException or TimeoutException or IOException or Win32Exception)
        {
            meters.Dispose();
            throw new InvalidDataException($"A server doesn't tell of its metrics: {exception.Message}");
        }
    }

    /// <summary>Ends it.</summary>
    /// <returns>
    /// The slowest pace that was seen, in connections a second to one gateway; and how late work was in milliseconds, the p99 of the worst
    /// half second. Null if nothing was said of it.
    /// </returns>
    public (double? PaceMin, double? LagMs) End()
    {
        foreach (var session in _sessions)
        {
            try
            {
                session.Stop();
            }
            catch (Exception exception) when (exception is ServerNotAvailableException or EndOfStreamException or IOException or TimeoutException)
            {
                // That server has ended.
            }
        }

        foreach (var thread in _threads)
            thread.Join(s_patience);
        Dispose();
        lock (_gate)
            return (_pace, _lag);
    }

    public void Dispose()
    {
        _sessions.ForEach(static session => session.Dispose());
        _sessions.Clear();
    }

    private void Listen(int processId)
    {
        var session = new DiagnosticsClient(processId).StartEventPipeSession(
            [
                new EventPipeProvider("System.Diagnostics.Metrics", EventLevel.Informational, TimeSeriesValues, new Dictionary<string, string>
                {
                    ["SessionId"] = Guid.NewGuid().ToString(), ["Metrics"] = Meter, ["RefreshInterval"] = Seconds,
                    ["MaxTimeSeries"] = "1000", ["MaxHistograms"] = "10",
                }),
            ],
            requestRundown: false, BufferMegabytes);
        _sessions.Add(session);
        var thread = new Thread(() => Read(session)) { IsBackground = true, Name = "metrics of a server" };
        _threads.Add(thread);
        thread.Start();
    }

    private void Read(EventPipeSession session)
    {
        try
        {
            using var source = new EventPipeEventSource(session.EventStream);
            source.Dynamic.All += Take;
            source.Process();
        }
        catch (Exception exception) when (exception is IOException or ObjectDisposedException or FormatException)
        {
            // The server has ended.
        }
    }

    private void Take(TraceEvent said)
    {
        if (said.EventName == "GaugeValuePublished" && Text("instrumentName") == Pace && Text("tags") == "of=connections" && Number(Text("lastValue")) is { } pace)
        {
            lock (_gate)
                _pace = Math.Min(_pace ?? pace, pace);
        }
        else if (said.EventName == "HistogramValuePublished" && Text("instrumentName") == Lag && Quantile(Text("quantiles")) is { } lag)
        {
            lock (_gate)
                _lag = Math.Max(_lag ?? 0, lag);
        }

        string Text(string name) => said.PayloadByName(name)?.ToString() ?? "";
    }

    // "0.5=1.2;0.95=3.4;0.99=5.6"
    private static double? Quantile(string quantiles) => Number(quantiles.Split(';')[^1].Split('=')[^1]);

    private static double? Number(string text) =>
        double.TryParse(text, CultureInfo.InvariantCulture, out var number) ? number : null;
}
