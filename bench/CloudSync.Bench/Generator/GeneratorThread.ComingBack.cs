// A storm: all connections are lost at once, and the clients come back as ours do (docs/reliability.md, "Connection storms"): after a
// random time that may be longer with each attempt, no sooner than a server says that refuses them, to another server if theirs is
// gone, from the version that they have. What they had sent and not seen acknowledged is sent again.

using System.Buffers.Binary;
using System.Diagnostics;

namespace CloudSync.Bench.Generator;

internal sealed partial class GeneratorThread
{
    // In milliseconds, as the clients have them.
    private const int BackoffStep = 250;
    private const int BackoffMax = 30_000;
    private const int BackoffForgetAfter = 2_000;
    private const int ConnectTimeout = 15_000;

    private const int ReturnSlots = 4_096;
    private const int ReturnWidth = 5;
    private const ushort LeavesCode = 4000;

    private static readonly TimeSpan s_returnWidth = TimeSpan.FromMilliseconds(ReturnWidth);

    // What a load balancer knows.
    private readonly HashSet<int> _gone = [];
    private Storm? _storm;

    private void BeginStorm(long at, bool cuts, TaskCompletionSource back)
    {
        _storm = new Storm(new TimingWheel(_clients.Length, ReturnSlots, ReturnWidth, Milliseconds(Stopwatch.GetTimestamp())), at, back) { Cuts = cuts };
        foreach (var client in _clients)
        {
            if (client.State != ClientState.Live)
                continue;
            client.Comeback = new Comeback { Server = client.Document.Server };
            _storm.Away++;
        }

        if (_storm.Away == 0)
            back.TrySetResult();
    }

    private StormFigures ReadStorm()
    {
        var figures = StormFigures.Create();
        if (_storm is not { } storm)
            return figures;
        (figures.InFlight, figures.SentAgain) = (storm.InFlight, storm.SentAgain);
        // Those who had broken before can't be counted as back.
        figures.LeftOut = _clients.Count(static client => client.Comeback is not { BackAt: > 0 });
        foreach (var client in _clients)
        {
            if (client.Comeback is not { BackAt: > 0 } comeback)
                continue;
            StepFigures.Record(figures.Back, comeback.BackAt - storm.At);
            StepFigures.Record(figures.Away, comeback.BackAt - comeback.LostAt);
            figures.AddBack((int)Math.Max(0, (comeback.BackAt - storm.At) * 10 / Stopwatch.Frequency), 1);
        }

        return figures;
    }

    private void StormOn(long now)
    {
        if (_storm is not { } storm)
            return;
        if (storm.Cuts && now >= storm.At)
        {
            storm.Cuts = false;
            foreach (var client in _clients)
                Cut(client);
        }

        while (storm.Returns.TryTake(Milliseconds(now), out var index))
        {
            var client = _clients[index];
            if (client.State == ClientState.Waiting)
            {
                client.State = ClientState.None;
                _returning.Enqueue(client);
            }
            else if (client.Comeback is { LeavesAt: > 0 })
            {
                Leave(client);
            }
        }
    }

    private void Cut(LoadClient client)
    {
        if (client.State != ClientState.Live)
            return;
        LinuxSockets.Abort(client.Socket);
        client.Socket = -1;
        Failed(client, "The connection was cut.");
    }

    // To another server, as the one that stops has said.
    private void Leave(LoadClient client)
    {
        BinaryPrimitives.WriteUInt16BigEndian(Payload, LeavesCode);
        Send(client, sizeof(ushort), Opcode.Close);
        Failed(client, "It left.");
    }

    private void ComeBack(LoadClient client, Comeback comeback, ClientState state, string reason, TimeSpan? retryAfter)
    {
        var storm = _storm!;
        var now = Stopwatch.GetTimestamp();
        var isStorm = comeback.LostAt == 0;
        if (state == ClientState.Live)
            Lose(client, comeback, storm, now);
        if (comeback.WelcomedAt != 0)
            comeback.Failures -= Math.Clamp((Milliseconds(now) - Milliseconds(comeback.WelcomedAt)) / BackoffForgetAfter, 0, comeback.Failures);
        (comeback.WelcomedAt, comeback.IsCatchingUp) = (0, false);
        if (retryAfter is not null)
            Counts.AddSentBack();
        else if (!isStorm && comeback.LeavesAt == 0)
            _breaks[reason] = _breaks.GetValueOrDefault(reason) + 1;

        var at = Milliseconds(now) + (comeback.LeavesAt != 0
            ? Math.Max(0, Milliseconds(comeback.LeavesAt) - Milliseconds(now))
            : (int)(retryAfter ?? TimeSpan.Zero).TotalMilliseconds + Backoff(comeback));
        comeback.LeavesAt = 0;
        client.State = ClientState.Waiting;
        storm.Returns.Schedule(client.Index, at);
    }

    private void Lose(LoadClient client, Comeback comeback, Storm storm, long now)
    {
        Counts.AddLive(-1);
        if (comeback.LostAt == 0)
        {
            comeback.LostAt = now;
            storm.InFlight += client.Writer?.Outstanding ?? 0;
        }
        else if (comeback.BackAt != 0)
        {
            comeback.BackAt = 0;
            storm.Away++;
        }
    }

    // "Full jitter", and a bound that grows by the same each time.
    private int Backoff(Comeback comeback) => (int)(_random.NextDouble() * Math.Min(BackoffMax, (double)BackoffStep * ++comeback.Failures));

    private static int OpenTimeoutOf(LoadClient client) => client.Comeback is null ? OpenTimeout : ConnectTimeout;

    // The people of a document meet on one server, as a load balancer has it.
    private int ServerNumberOf(LoadClient client)
    {
        if (client.Comeback is not { } comeback)
            return client.Document.Server;
        comeback.Server = client.Document.Server;
        if (_gone.Contains(comeback.Server))
        {
            var others = Enumerable.Range(0, _plan.Servers.Count).Where(number => !_gone.Contains(number)).ToArray();
            comeback.Server = others[client.Document.PlaceAmong(others.Length)];
        }

        return comeback.Server;
    }

    // While a process ends, Linux still makes connections to it, for a second if it had thousands, and resets them.
    private static bool IsGone(LoadClient client, int error) => error == LinuxSockets.Refused
        || (error == LinuxSockets.Reset && client.Comeback?.Server == client.Document.Server);

    // Nobody listens there: at once to another server, as a load balancer does it. If there is one.
    private bool GoesElsewhere(LoadClient client)
    {
        if (client.Comeback is not { } comeback)
            return false;
        Leaves(comeback.Server);
        if (_gone.Count == 0)
            return false;
        Hang(client);
        client.State = ClientState.None;
        _opening--;
        _returning.Enqueue(client);
        return true;
    }

    private void Leaves(int server)
    {
        _gone.Add(server);
        // Then one is as good as another.
        if (_gone.Count == _plan.Servers.Count)
            _gone.Clear();
    }

    void ILoadEvents.GoingAway(LoadClient client, TimeSpan min, TimeSpan max)
    {
        if (client.Comeback is not { } comeback || _storm is not { } storm)
            return;
        Leaves(comeback.Server);
        comeback.LeavesAt = Stopwatch.GetTimestamp() + (long)((min + (_random.NextDouble() * (max - min))).TotalSeconds * Stopwatch.Frequency);
        storm.Returns.Schedule(client.Index, Milliseconds(comeback.LeavesAt));
    }

    void ILoadEvents.AskLater(LoadClient client, string reason, TimeSpan retryAfter)
    {
        if (client.State != ClientState.Opening || client.Comeback is not { } comeback)
        {
            Failed(client, reason, retryAfter);
            return;
        }

        Counts.AddSentBack();
        client.State = ClientState.Asking;
        _beats.Schedule(client.Index, Milliseconds(Stopwatch.GetTimestamp()) + (int)retryAfter.TotalMilliseconds + Backoff(comeback));
    }

    private void AskAgain(LoadClient client)
    {
        client.State = ClientState.Opening;
        _beats.Schedule(client.Index, Milliseconds(Stopwatch.GetTimestamp()) + ConnectTimeout);
        Send(client, _protocol.Open(client, Payload));
    }

    private void CountBack(LoadClient client)
    {
        if (client.Comeback is not { LostAt: > 0 } comeback || _storm is not { } storm)
            return;
        var wasAway = comeback.BackAt == 0;
        comeback.BackAt = Stopwatch.GetTimestamp();
        if (wasAway && --storm.Away == 0)
            storm.AllBack.TrySetResult();
    }

    // Whoever has been told all that was committed meanwhile knows whether his own operation was among it.
    private void GoOnIfCaughtUp(LoadClient client)
    {
        if (client.Comeback is not { IsCatchingUp: true } comeback || client.Version < comeback.Head || client.State != ClientState.Live)
            return;
        comeback.IsCatchingUp = false;
        if (client.Writer is not { } writer)
            return;
        if (writer.Outstanding > 0)
        {
            _storm!.SentAgain++;
            Send(client, _protocol.Type(client, writer.KeystrokesOfLast, Payload));
        }
        else if (writer.IsHeldBack)
        {
            writer.IsHeldBack = false;
            _released.Add(writer);
        }
    }

    /// <param name="returns">When each comes back, or leaves.</param>
    /// <param name="at">When it begins.</param>
    /// <param name="allBack">Completed when all are back.</param>
    private sealed class Storm(TimingWheel returns, long at, TaskCompletionSource allBack)
    {
        public TimingWheel Returns => returns;

        public long At => at;

        public TaskCompletionSource AllBack => allBack;

        /// <summary>All connections are to be cut, here, when it begins.</summary>
        public bool Cuts { get; set; }

        /// <summary>Those who have not lost their connection yet, or are not back.</summary>
        public long Away { get; set; }

        public long InFlight { get; set; }

        public long SentAgain { get; set; }
    }
}
