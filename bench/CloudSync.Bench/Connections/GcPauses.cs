// How long the garbage collector stopped a server's threads, each time: told by its own runtime over the diagnostics port that
// every .NET program has, so nothing in the server is built for it.

using System.ComponentModel;
using System.Diagnostics.Tracing;
using HdrHistogram;
using Microsoft.Diagnostics.NETCore.Client;
using Microsoft.Diagnostics.Tracing;
using Microsoft.Diagnostics.Tracing.Parsers;
using Microsoft.Diagnostics.Tracing.Parsers.Clr;

namespace CloudSync.Bench.Connections;

/// <summary>Listens to servers; the pauses are in microseconds.</summary>
internal sealed class GcPauses : IDisposable
{
    private const long LongestMicroseconds = 60_000_000;
    private const int Digits = 3;
    private const int BufferMegabytes = 4;
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30);

    private readonly LongHistogram _pauses = new(LongestMicroseconds, Digits);
    private readonly List<EventPipeSession> _sessions = [];
    private readonly List<Thread> _threads = [];

    private GcPauses()
    {
    }

    /// <summary>Begins to listen.</summary>
    /// <param name="processIds">Servers on this machine, of this user's.</param>
    /// <exception cref="InvalidDataException">One doesn't answer.</exception>
    public static GcPauses Begin(IReadOnlyList<int> processIds)
    {
        var pauses = new GcPauses();
        try
        {
            foreach (var id in processIds)
                pauses.Listen(id);
            return pauses;
        }
        catch (Exception exception) when (exception is ServerNotAvailableException or ServerErrorException or TimeoutException or IOException or Win32Exception)
        {
            pauses.Dispose();
            throw new InvalidDataException($"A server doesn't tell of its garbage collections: {exception.Message}");
        }
    }

    /// <summary>Ends it.</summary>
    /// <returns>All pauses of all servers.</returns>
    public LongHistogram End()
    {
        foreach (var session in _sessions)
        {
            try
            {
                session.Stop();
            }
            catch (Exception exception) when (exception is ServerNotAvailableException or EndOfStreamException or IOException or TimeoutException)
            {
                // That server has ended, and what it said has been read.
            }
        }

        foreach (var thread in _threads)
            thread.Join(s_patience);
        Dispose();
        lock (_pauses)
            return _pauses;
    }

    public void Dispose()
    {
        _sessions.ForEach(static session => session.Dispose());
        _sessions.Clear();
    }

    private void Listen(int processId)
    {
        var session = new DiagnosticsClient(processId).StartEventPipeSession(
            [new EventPipeProvider("Microsoft-Windows-DotNETRuntime", EventLevel.Informational, (long)ClrTraceEventParser.Keywords.GC)],
            requestRundown: false, BufferMegabytes);
        _sessions.Add(session);
        var thread = new Thread(() => Read(session)) { IsBackground = true, Name = "pauses of a server" };
        _threads.Add(thread);
        thread.Start();
    }

    private void Read(EventPipeSession session)
    {
        try
        {
            using var source = new EventPipeEventSource(session.EventStream);
            var stoppedAt = double.NaN;
            source.Clr.GCSuspendEEStart += suspension =>
            {
                // Threads are stopped for other reasons too.
                if (suspension.Reason is GCSuspendEEReason.SuspendForGC or GCSuspendEEReason.SuspendForGCPrep)
                    stoppedAt = suspension.TimeStampRelativeMSec;
            };
            source.Clr.GCRestartEEStop += restart =>
            {
                if (double.IsNaN(stoppedAt))
                    return;
                var pause = (long)((restart.TimeStampRelativeMSec - stoppedAt) * 1_000);
                stoppedAt = double.NaN;
                lock (_pauses)
                    _pauses.RecordValue(Math.Clamp(pause, 1, LongestMicroseconds));
            };
            source.Process();
        }
        catch (Exception exception) when (exception is IOException or ObjectDisposedException or FormatException)
        {
            // The server has ended.
        }
    }
}
