// Connections come, stay alive, and break.

using System.ComponentModel;
using System.Diagnostics;

namespace CloudSync.Bench.Generator;

internal sealed partial class GeneratorThread
{
    // In milliseconds.
    private const int BeatSlots = 512;
    private const int BeatWidth = 250;
    private const int MoveSlots = 512;
    private const int MoveWidth = 10;
    private const int OpenTimeout = 30_000;
    private const int AttemptsMax = 32;

    // While so many wait until they may come back, nobody new is sent: all at once would be a storm, and not an opening.
    private const int SentAwayPerOpening = 8;

    private readonly TimingWheel _beats;
    private readonly TimingWheel? _moves;
    private readonly HttpUpgrade _upgrade = new();
    private readonly List<string> _gateways = [];
    private readonly Dictionary<string, int> _breaks = [];
    private readonly Queue<LoadClient> _toOpen = new();
    private readonly Queue<LoadClient> _returning = new();
    private TaskCompletionSource? _opened;
    private int _opening;
    private int _sentAway;
    private int _unopened;
    private int _source;

    private void BeginOpening(IReadOnlyList<LoadClient> clients, TaskCompletionSource opened)
    {
        foreach (var client in clients)
            _toOpen.Enqueue(client);
        _unopened = clients.Count;
        _opened = opened;
    }

    private void OpenNext()
    {
        // In a storm nobody waits for another.
        while ((_opening < _plan.OpeningAtOnce || _storm is not null)
            && (_returning.TryDequeue(out var client) || (_sentAway < SentAwayPerOpening * _plan.OpeningAtOnce && _toOpen.TryDequeue(out client))))
        {
            _opening++;
            client.State = ClientState.Connecting;
            _beats.Schedule(client.Index, Milliseconds(Stopwatch.GetTimestamp()) + OpenTimeoutOf(client));
            try
            {
                client.Socket = LinuxSockets.Connect(
                    ServerOf(client).Address, _plan.Sources.Count == 0 ? null : _plan.Sources[_source++ % _plan.Sources.Count]);
                _epoll.Add(client.Socket, Epoll.Readable | Epoll.Writable, client.Index);
            }
            catch (Win32Exception exception)
            {
                if (IsGone(client, exception.NativeErrorCode) && GoesElsewhere(client))
                    continue;
                Failed(client, $"Can't connect: {exception.Message}");
            }
        }
    }

    private GeneratorServer ServerOf(LoadClient client) => _plan.Servers[ServerNumberOf(client)];

    private void Connected(LoadClient client)
    {
        if (LinuxSockets.ErrorOf(client.Socket) is var error && error != 0)
        {
            if (IsGone(client, error) && GoesElsewhere(client))
                return;
            Failed(client, $"Can't connect: {new Win32Exception(error).Message}");
            return;
        }

        client.State = ClientState.Upgrading;
        _epoll.Change(client.Socket, Epoll.Readable, client.Index);
        if (IsPolled)
        {
            OpenPolled(client);
            return;
        }

        var length = _upgrade.Write(_sending, ServerOf(client).Host, _protocol.PathOf(client), "");
        Write(client, _sending.AsSpan(0, length));
    }

    private void Upgraded(LoadClient client)
    {
        client.State = ClientState.Opening;
        Send(client, _protocol.Greet(client, Payload));
    }

    bool ILoadEvents.Welcomed(LoadClient client, string gateway)
    {
        var number = _gateways.IndexOf(gateway);
        if (number < 0)
        {
            number = _gateways.Count;
            _gateways.Add(gateway);
        }

        client.Gateway = (short)number;
        if (client.Comeback is { } comeback)
            comeback.WelcomedAt = Stopwatch.GetTimestamp();
        // The load balancer brings a document's people together; another name may lead to another gateway. If there is only
        // one, none does.
        if (!_plan.Apart || client.Writer is not null || client.Attempts >= AttemptsMax
            || client.Document.Clients.TrueForAll(other => other.Writer is null || other.Gateway != client.Gateway))
            return true;
        Hang(client);
        client.Attempts++;
        client.State = ClientState.None;
        _opening--;
        _toOpen.Enqueue(client);
        return false;
    }

    void ILoadEvents.Opened(LoadClient client)
    {
        if (client.State != ClientState.Opening)
            return;
        client.State = ClientState.Live;
        Counts.AddLive(1);
        CountBack(client);
        var now = Milliseconds(Stopwatch.GetTimestamp());
        // The first sign of life comes at a moment of its own, or all that came together would beat together.
        _beats.Schedule(client.Index, now + (long)(_random.NextDouble() * _protocol.HeartbeatInterval.TotalMilliseconds));
        _moves?.Schedule(client.Index, now + (long)(_random.NextDouble() * _plan.MoveInterval.TotalMilliseconds));
        if (_plan.Presence)
            Send(client, _protocol.MoveSelection(client, Payload));
        _opening--;
        CountOpened();
        GoOnIfCaughtUp(client);
    }

    public void Failed(LoadClient client, string reason, TimeSpan? retryAfter = null)
    {
        var state = client.State;
        if (state is ClientState.Broken or ClientState.None)
            return;
        Hang(client);
        var isOpening = state is ClientState.Connecting or ClientState.Upgrading or ClientState.Opening or ClientState.Asking;
        if (isOpening)
            _opening--;
        if (client.Comeback is { } comeback)
        {
            ComeBack(client, comeback, state, reason, retryAfter);
            return;
        }

        if (isOpening && retryAfter is { } pause && client.Attempts < AttemptsMax)
        {
            client.Attempts++;
            client.State = ClientState.Waiting;
            Counts.AddSentBack();
            _sentAway++;
            _beats.Schedule(client.Index, Milliseconds(Stopwatch.GetTimestamp()) + (long)pause.TotalMilliseconds);
            return;
        }

        client.State = ClientState.Broken;
        _breaks[reason] = _breaks.GetValueOrDefault(reason) + 1;
        Counts.AddBroken();
        if (isOpening)
            CountOpened();
        else
            Counts.AddLive(-1);
    }

    void ILoadEvents.Send(LoadClient client, ReadOnlySpan<byte> message)
    {
        message.CopyTo(Payload);
        Send(client, message.Length);
    }

    void ILoadEvents.PresenceReceived(int bytes) => Counts.AddPresenceBytes(bytes);

    private void CountOpened()
    {
        if (--_unopened == 0)
            _opened?.TrySetResult();
    }

    private void Hang(LoadClient client)
    {
        _beats.Cancel(client.Index);
        _moves?.Cancel(client.Index);
        if (client.Socket >= 0)
            _ = LinuxSockets.Close(client.Socket);
        client.Socket = -1;
        if (client.Polls is { Socket: >= 0 } polls)
            _ = LinuxSockets.Close(polls.Socket);
        client.Polls = null;
        client.Partial = null;
        client.Unsent = null;
    }

    private void BeatWhoeverIsDue(long timestamp)
    {
        var now = Milliseconds(timestamp);
        while (_beats.TryTake(now, out var index))
        {
            var client = _clients[index];
            if (client.State == ClientState.Waiting)
            {
                client.State = ClientState.None;
                _sentAway--;
                _returning.Enqueue(client);
            }
            else if (client.State == ClientState.Asking)
            {
                AskAgain(client);
            }
            else if (client.State != ClientState.Live)
            {
                Failed(client, $"It was not open after {OpenTimeoutOf(client) / 1_000} s.");
            }
            else if (now - client.HeardAt > _protocol.HeartbeatTimeout.TotalMilliseconds)
            {
                Failed(client, $"Nothing was heard for {_protocol.HeartbeatTimeout.TotalSeconds:0} s.");
            }
            else
            {
                Beat(client, now);
            }
        }
    }

    // Whoever has sent something has given a sign of life by that. But not before the first: that one is what spreads them.
    private void Beat(LoadClient client, int now)
    {
        var interval = (int)_protocol.HeartbeatInterval.TotalMilliseconds;
        if (client.HasBeaten && now - client.SentAt < interval - BeatWidth)
        {
            _beats.Schedule(client.Index, client.SentAt + interval);
            return;
        }

        client.HasBeaten = true;
        Send(client, _protocol.Beat(client, Payload));
        if (client.State == ClientState.Live)
            _beats.Schedule(client.Index, now + interval);
    }

    private void MoveWhoeverIsDue(long timestamp)
    {
        var now = Milliseconds(timestamp);
        while (_moves is not null && _moves.TryTake(now, out var index))
        {
            var client = _clients[index];
            // While something isn't acknowledged, a position and a version don't agree: it moves by the edit.
            if (client.Writer is not { Outstanding: > 0 })
                Send(client, _protocol.MoveSelection(client, Payload));
            if (client.State == ClientState.Live)
                _moves.Schedule(index, now + (long)_plan.MoveInterval.TotalMilliseconds);
        }
    }
}
