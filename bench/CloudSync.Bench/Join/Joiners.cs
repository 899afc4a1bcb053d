// People who join one after the other, some at a time: each connects, opens the document, reads the whole of it, sees
// somebody else's next keystroke, and leaves.

using System.Diagnostics;
using System.Net.Sockets;
using CloudSync.Bench.Generator;
using HdrHistogram;

namespace CloudSync.Bench.Join;

/// <summary>What those have seen who joined. Times are in microseconds from the moment they began to connect.</summary>
internal sealed class JoinFigures
{
    private const long LongestMicroseconds = 600_000_000;

    /// <summary>Until the whole document was there.</summary>
    public LongHistogram Opened { get; } = new(LongestMicroseconds, 3);

    /// <summary>Until a keystroke was there that was pressed after that moment.</summary>
    public LongHistogram FirstEdit { get; } = new(LongestMicroseconds, 3);

    public TimeSpan Elapsed { get; set; }

    public long SentBack { get; set; }

    /// <summary>Those who could not join, by why.</summary>
    public Dictionary<string, int> Failed { get; } = [];
}

/// <param name="server">Where they go.</param>
/// <param name="document">What they open.</param>
/// <param name="keystrokes">How many keystrokes have been pressed since the document was created.</param>
internal sealed class Joiners(Uri server, LargeDocument document, Func<long> keystrokes)
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30);

    // Whoever could not join comes back so much later: a server that is gone is not to be asked without end.
    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(200);

    private readonly Lock _gate = new();
    private JoinFigures _figures = new();

    public long Joined
    {
        get
        {
            lock (_gate)
                return _figures.FirstEdit.TotalCount;
        }
    }

    public int Failed
    {
        get
        {
            lock (_gate)
                return _figures.Failed.Values.Sum();
        }
    }

    /// <summary>They join for a while; who is on the way in when it is over doesn't count.</summary>
    public async Task<JoinFigures> RunAsync(int atOnce, TimeSpan duration, CancellationToken stop)
    {
        var figures = new JoinFigures();
        lock (_gate)
            _figures = figures;
        using var over = CancellationTokenSource.CreateLinkedTokenSource(stop);
        var began = Stopwatch.GetTimestamp();
        over.CancelAfter(duration);
        await Task.WhenAll(Enumerable.Range(0, atOnce).Select(_ => Task.Run(() => JoinAndJoinAgainAsync(figures, over.Token), stop)));
        stop.ThrowIfCancellationRequested();
        figures.Elapsed = Stopwatch.GetElapsedTime(began);
        return figures;
    }

    private async Task JoinAndJoinAgainAsync(JoinFigures figures, CancellationToken over)
    {
        var (buffers, upgrade) = (new JoinBuffers(), new HttpUpgrade());
        while (!over.IsCancellationRequested)
        {
            using var patience = CancellationTokenSource.CreateLinkedTokenSource(over);
            patience.CancelAfter(s_patience);
            try
            {
                await JoinAsync(figures, buffers, upgrade, patience.Token);
            }
            catch (Exception) when (over.IsCancellationRequested)
            {
                // Nobody waits for it any more.
                return;
            }
            catch (Exception exception) when (exception is JoinException or SocketException or OperationCanceledException)
            {
                var reason = exception is OperationCanceledException
                    ? $"Somebody had not joined after {s_patience.TotalSeconds:0} s."
                    : exception.Message;
                lock (_gate)
                    figures.Failed[reason] = figures.Failed.GetValueOrDefault(reason) + 1;
                await Task.Delay(s_pause, over).ContinueWith(static _ => { }, TaskScheduler.Default);
            }
        }
    }

    private async Task JoinAsync(JoinFigures figures, JoinBuffers buffers, HttpUpgrade upgrade, CancellationToken stop)
    {
        var began = Stopwatch.GetTimestamp();
        // Only the writer writes, and each of the keystrokes is a version.
        var seenBefore = document.Version + keystrokes();
        while (true)
        {
            try
            {
                using var connection = await JoinConnection.ConnectAsync(server, document.Id, upgrade, buffers, stop);
                await connection.SendAsync(JoinerMessages.Greeting(document.Id), stop);
                var screen = new JoinedScreen(document.Bytes);
                while (!screen.IsOpen)
                    screen.Take((await connection.ReceiveAsync(stop)).Span);
                var opened = Stopwatch.GetElapsedTime(began);
                while (screen.Version <= seenBefore)
                    screen.Take((await connection.ReceiveAsync(stop)).Span);
                var seen = Stopwatch.GetElapsedTime(began);
                lock (_gate)
                {
                    figures.Opened.RecordValue((long)opened.TotalMicroseconds);
                    figures.FirstEdit.RecordValue((long)seen.TotalMicroseconds);
                }

                await connection.CloseAsync(stop);
                return;
            }
            catch (JoinException exception) when (exception.RetryAfter is { } pause)
            {
                lock (_gate)
                    figures.SentBack++;
                await Task.Delay(pause, stop);
            }
        }
    }
}
