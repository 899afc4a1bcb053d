// One thread that does everything for its connections: connects them, types by the clock, sends signs of life, receives and
// counts. All that belongs to a document is on one thread, so nothing here needs a lock, and an idle connection costs an
// object of a hundred bytes and three numbers in the wheels. Only the counts are looked at from elsewhere.

using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;

namespace CloudSync.Bench.Generator;

/// <summary>Where the connections of a thread go, and how.</summary>
/// <param name="Servers">Addresses of servers; a client's document says which it goes to.</param>
/// <param name="Sources">Addresses of this machine that connections come from, in turn; none: the system's choice.</param>
/// <param name="Presence">Whether each shows where it is.</param>
/// <param name="MoveInterval">How often each moves its selection; zero: never after the first time.</param>
/// <param name="OpeningAtOnce">How many may be on their way in.</param>
/// <param name="Apart">Whether those who only watch are to be on another gateway than those who write.</param>
/// <param name="Composes">Whether keystrokes that have to wait go out in one operation.</param>
/// <param name="Patience">How long after a step is still sent, and then waited.</param>
internal sealed record ThreadPlan(
    IReadOnlyList<GeneratorServer> Servers, IReadOnlyList<SocketAddress> Sources, bool Presence, TimeSpan MoveInterval,
    int OpeningAtOnce, bool Apart, bool Composes, TimeSpan Patience)
{
    /// <summary>What carries the connections.</summary>
    public LoadTransport Transport { get; init; }
}

/// <summary>A server as sockets need it.</summary>
internal sealed record GeneratorServer(string Host, SocketAddress Address);

internal sealed partial class GeneratorThread : ILoadEvents, IDisposable
{
    private const int ReceiveBytes = 256 << 10;
    private const int SendBytes = 64 << 10;

    // Commands are looked for as often at least; nothing that is measured depends on it.
    private static readonly TimeSpan s_longestWait = TimeSpan.FromMilliseconds(100);

    private readonly ThreadPlan _plan;
    private readonly bool _composes;
    private readonly LoadProtocol _protocol;
    private readonly List<LoadDocument> _documents;
    private readonly LoadClient[] _clients;
    private readonly Epoll _epoll = new();
    private readonly byte[] _receiving = new byte[ReceiveBytes];
    private readonly byte[] _sending = new byte[SendBytes];
    private readonly long _began = Stopwatch.GetTimestamp();
    private readonly ConcurrentQueue<Action> _commands = new();
    private readonly ConcurrentDictionary<object, Action<Exception>> _waiting = new();
    private readonly Random _random;
    private readonly Thread _thread;
    private volatile bool _stopping;
    private Exception? _fault;

    /// <summary>Makes a thread; it runs at once.</summary>
    /// <param name="plan">Where to.</param>
    /// <param name="protocol">What is spoken; the thread's own.</param>
    /// <param name="documents">Documents whose clients are all here, numbered from 0 in one go.</param>
    /// <param name="seed">What it throws dice with.</param>
    public GeneratorThread(ThreadPlan plan, LoadProtocol protocol, List<LoadDocument> documents, int seed)
    {
        (_plan, _protocol, _documents) = (plan, protocol, documents);
        _composes = plan.Composes && protocol.Composes;
        _random = new Random(seed);
        _clients = [.. documents.SelectMany(static document => document.Clients).OrderBy(static client => client.Index)];
        _beats = new TimingWheel(_clients.Length, BeatSlots, BeatWidth, 0);
        _moves = plan.Presence && plan.MoveInterval > TimeSpan.Zero
            ? new TimingWheel(_clients.Length, MoveSlots, MoveWidth, 0)
            : null;
        _thread = new Thread(Run) { IsBackground = true, Name = "load generator" };
        _thread.Start();
    }

    public GeneratorCounts Counts { get; } = new();

    /// <summary>Which gateways the clients are on, by their numbers in <see cref="LoadClient.Gateway"/>. For when nothing is opened.</summary>
    public IReadOnlyList<string> Gateways => _gateways;

    /// <summary>Opens clients, so many at once; completes when each is live or broken.</summary>
    public Task OpenAsync(IReadOnlyList<LoadClient> clients)
    {
        if (clients.Count == 0)
            return Task.CompletedTask;
        var opened = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Command(() => BeginOpening(clients, opened), opened);
        return opened.Task;
    }

    /// <summary>Types for a while; completes when everything has been delivered, or was given up.</summary>
    /// <param name="start">When it begins.</param>
    /// <param name="duration">How long.</param>
    /// <param name="interval">Between two keystrokes of one writer, in ticks of the stopwatch.</param>
    /// <param name="beginsAtOnce">Whether all writers press a key at the start, too.</param>
    public Task<StepFigures> StepAsync(long start, TimeSpan duration, double interval, bool beginsAtOnce)
    {
        var finished = new TaskCompletionSource<StepFigures>(TaskCreationOptions.RunContinuationsAsynchronously);
        Command(() => BeginStep(start, start + (long)(duration.TotalSeconds * Stopwatch.Frequency), interval, beginsAtOnce, finished), finished);
        return finished.Task;
    }

    /// <summary>Ends the step, if there is one, sooner than it was said.</summary>
    public void EndStep() => _commands.Enqueue(() => CutStep(Stopwatch.GetTimestamp()));

    /// <summary>From this moment on keystrokes of the step that is under way are timed by themselves, too.</summary>
    public void BeginPhase(long from) => _commands.Enqueue(() => AddPhase(from));

    /// <summary>All are going to lose their connections, and come back; completes when all are back.</summary>
    /// <param name="at">When.</param>
    /// <param name="cuts">They are cut here.</param>
    public Task StormAsync(long at, bool cuts)
    {
        var back = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Command(() => BeginStorm(at, cuts, back), back);
        return back.Task;
    }

    /// <summary>What has come of the storm so far.</summary>
    public Task<StormFigures> ReadStormAsync()
    {
        var answer = new TaskCompletionSource<StormFigures>(TaskCreationOptions.RunContinuationsAsynchronously);
        Command(() => answer.TrySetResult(ReadStorm()), answer);
        return answer.Task;
    }

    /// <summary>Why connections broke so far, and how many of each.</summary>
    public Task<Dictionary<string, int>> BreaksAsync()
    {
        var answer = new TaskCompletionSource<Dictionary<string, int>>(TaskCreationOptions.RunContinuationsAsynchronously);
        Command(() => answer.TrySetResult(new Dictionary<string, int>(_breaks)), answer);
        return answer.Task;
    }

    public void Dispose()
    {
        _stopping = true;
        _thread.Join();
        foreach (var client in _clients)
        {
            if (client.Socket >= 0)
                _ = LinuxSockets.Close(client.Socket);
            if (client.Polls is { Socket: >= 0 } polls)
                _ = LinuxSockets.Close(polls.Socket);
        }

        _epoll.Dispose();
    }

    // Whoever waits for an answer is told if the thread has failed.
    private void Command(Action command, TaskCompletionSource answer) => Command(command, answer, fault => answer.TrySetException(fault), answer.Task);

    private void Command<T>(Action command, TaskCompletionSource<T> answer) => Command(command, answer, fault => answer.TrySetException(fault), answer.Task);

    private void Command(Action command, object answer, Action<Exception> fail, Task task)
    {
        _waiting[answer] = fail;
        _ = task.ContinueWith(_ => _waiting.TryRemove(answer, out var _), TaskScheduler.Default);
        _commands.Enqueue(command);
        if (_fault is { } fault)
            fail(fault);
    }

    private void Run()
    {
        try
        {
            while (!_stopping)
            {
                while (_commands.TryDequeue(out var command))
                    command();
                var now = Stopwatch.GetTimestamp();
                OpenNext();
                TypeWhatIsDue(now);
                BeatWhoeverIsDue(now);
                StormOn(now);
                MoveWhoeverIsDue(now);
                FinishStep(now);
                var count = _epoll.Wait(WaitFrom(now));
                for (var i = 0; i < count; i++)
                {
                    var (events, key) = _epoll.EventAt(i);
                    if ((key & PollBit) != 0)
                        HandlePoll(_clients[key & ~PollBit], events);
                    else
                        Handle(_clients[key], events);
                }
            }
        }
        catch (Exception exception)
        {
            // The measurement is void, and whoever waits for it hears why.
            _fault = exception;
            foreach (var fail in _waiting.Values)
                fail(exception);
        }
    }

    private TimeSpan WaitFrom(long now)
    {
        var wait = _moves is null || Counts.Live == 0 ? s_longestWait : TimeSpan.FromMilliseconds(MoveWidth);
        if (_storm is { Away: > 0 })
            wait = s_returnWidth;
        if (_due.TryPeek(out _, out var due) && TimeSpan.FromSeconds((due - now) / (double)Stopwatch.Frequency) is var until && until < wait)
            wait = until;
        return wait;
    }

    private int Milliseconds(long now) => (int)((now - _began) / (Stopwatch.Frequency / 1_000));
}

/// <summary>What a thread has counted so far. Written by it alone; read from anywhere.</summary>
internal sealed class GeneratorCounts
{
    private long _live;
    private long _broken;
    private long _sentBack;
    private long _sent;
    private long _acknowledged;
    private long _delivered;
    private long _presenceBytes;

    /// <summary>Clients whose document is open.</summary>
    public long Live => Volatile.Read(ref _live);

    /// <summary>Clients that are lost.</summary>
    public long Broken => Volatile.Read(ref _broken);

    /// <summary>How often a server said: come back later.</summary>
    public long SentBack => Volatile.Read(ref _sentBack);

    /// <summary>Keystrokes sent.</summary>
    public long Sent => Volatile.Read(ref _sent);

    /// <summary>Keystrokes acknowledged.</summary>
    public long Acknowledged => Volatile.Read(ref _acknowledged);

    /// <summary>Keystrokes times screens.</summary>
    public long Delivered => Volatile.Read(ref _delivered);

    /// <summary>Bytes of presence received.</summary>
    public long PresenceBytes => Volatile.Read(ref _presenceBytes);

    public void AddLive(int count) => Volatile.Write(ref _live, _live + count);

    public void AddBroken() => Volatile.Write(ref _broken, _broken + 1);

    public void AddSentBack() => Volatile.Write(ref _sentBack, _sentBack + 1);

    public void AddSent(long count) => Volatile.Write(ref _sent, _sent + count);

    public void AddAcknowledged(long count) => Volatile.Write(ref _acknowledged, _acknowledged + count);

    public void AddDelivered(long count) => Volatile.Write(ref _delivered, _delivered + count);

    public void AddPresenceBytes(int count) => Volatile.Write(ref _presenceBytes, _presenceBytes + count);
}
