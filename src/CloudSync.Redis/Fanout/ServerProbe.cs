// Whether messages come through a server: each gateway publishes a sign once a second and listens for everybody's. Its own
// that doesn't come back shows that the server is down, slow, or unreachable from here; another gateway's that stays
// away, without a goodbye, shows that the server can't be reached from there, and that what is committed there is not
// heard of here; one that spreads documents over other servers speaks of some of them elsewhere. In all cases the log is asked
// for heads instead. One of the same name that was started again has died before: nothing more is expected of its earlier life.

using System.Collections.Concurrent;
using System.Globalization;
using System.Text;
using StackExchange.Redis;

namespace CloudSync.Redis.Fanout;

internal sealed class ServerProbe : IAsyncDisposable
{
    // A cluster's slots in so many parts, each with a channel of its own, so that every node is tried.
    private const int ClusterParts = 16;
    private const int ClusterSlots = 16_384;
    private const char Goodbye = '-';

    private readonly FanoutServer _server;
    private readonly RedisOptions _options;
    private readonly TimeProvider _time;
    private readonly string _fingerprint;
    private readonly string _gatewayId;
    private readonly string _name;
    private readonly byte[] _sign;
    private readonly Lock _gate = new();
    private readonly ConcurrentDictionary<string, long> _othersHeard = new(StringComparer.Ordinal);
    private FanoutChannel[] _channels = [];
    private long[] _ownHeard = [];
    private bool[] _heardSinceFailure = [];
    // The server was found, or is being looked for, since then.
    private long _since;
    private ITimer? _timer;
    private State _state = State.Starting;

    private enum State
    {
        Starting,
        Up,
        Silent,
        Down,
    }

    /// <param name="server">The server.</param>
    /// <param name="fingerprint">Of all servers that documents are spread over.</param>
    /// <param name="options">How often, and for how long.</param>
    /// <param name="gatewayId">This gateway.</param>
    /// <param name="time">The clock.</param>
    public ServerProbe(FanoutServer server, string fingerprint, RedisOptions options, string gatewayId, TimeProvider time)
    {
        (_server, _options, _time, _fingerprint) = (server, options, time, fingerprint);
        // One process, whatever its gateway is called: one that was started again is another.
        _gatewayId = gatewayId;
        _name = string.Create(CultureInfo.InvariantCulture, $"{gatewayId}.{Guid.NewGuid():N}/{fingerprint}");
        _sign = Encoding.UTF8.GetBytes(_name);
    }

    /// <summary>Everything comes through.</summary>
    public bool IsUp => _state == State.Up;

    /// <summary>Nothing can be sent.</summary>
    public bool IsDown => _state == State.Down;

    public void Start()
    {
        var multiplexer = _server.Connection.Multiplexer!;
        multiplexer.ConnectionFailed += (_, failure) => Fail("the connection failed", failure.FailureType);
        multiplexer.ConnectionRestored += (_, _) => Tick();
        _since = _time.GetTimestamp();
        if (!multiplexer.IsConnected)
            SetState(State.Down, "it can't be reached");
        _timer = _time.CreateTimer(static state => ((ServerProbe)state!).Tick(), this, TimeSpan.Zero, _options.ProbeInterval);
    }

    private void Fail(string what, ConnectionFailureType type)
    {
        if (_server.IsStopped)
            return;
        lock (_gate)
            Array.Clear(_heardSinceFailure);
        SetState(State.Down, $"{what} ({type})");
    }

    private void Tick()
    {
        if (_server.IsStopped)
            return;
        if (_server.Connection.Multiplexer!.IsConnected)
        {
            Listen();
            _server.RenewLost();
            foreach (var channel in _channels)
            {
                _server.RenewIfLost(channel);
                if (channel.IsSubscribed)
                    Publish(channel, _sign);
            }
        }

        Judge();
    }

    // When it is known for the first time what kind of server it is.
    private void Listen()
    {
        lock (_gate)
        {
            if (_channels.Length > 0)
                return;
            var names = ChannelNames();
            _ownHeard = new long[names.Count];
            _heardSinceFailure = new bool[names.Count];
            Array.Fill(_ownHeard, _time.GetTimestamp());
            _channels = [.. names.Select(name => new FanoutChannel(_server, name, _server.ChannelOf(name)))];
        }

        for (var i = 0; i < _channels.Length; i++)
        {
            var index = i;
            _channels[i].TryAdd(message => Heard(index, Encoding.UTF8.GetString(message.Span)));
            // The first sign is sent as soon as it can be heard, so that a start need not wait for the next turn.
            _ = SendFirstAsync(_channels[i]);
        }

        async Task SendFirstAsync(FanoutChannel channel)
        {
            await channel.Subscribed.ConfigureAwait(false);
            Publish(channel, _sign);
        }
    }

    // Every gateway finds the same names.
    private List<string> ChannelNames()
    {
        if (!_server.Connection.IsCluster)
            return ["~probe"];
        var multiplexer = _server.Connection.Multiplexer!;
        var names = new string?[ClusterParts];
        for (var i = 0; names.Contains(null); i++)
        {
            var name = string.Create(CultureInfo.InvariantCulture, $"~probe-{i}");
            names[multiplexer.HashSlot(_options.Prefix + name) * ClusterParts / ClusterSlots] ??= name;
        }

        return [.. names.OfType<string>()];
    }

    private void Publish(FanoutChannel channel, byte[] sign)
    {
        try
        {
            _server.Subscriber.Publish(channel.Channel, sign, CommandFlags.FireAndForget);
        }
        catch (RedisException exception)
        {
            // That it isn't heard is what is judged.
            _server.SubscribeFailed(channel.Channel, exception);
        }
    }

    private void Heard(int index, string name)
    {
        if (name == _name)
        {
            lock (_gate)
            {
                _ownHeard[index] = _time.GetTimestamp();
                _heardSinceFailure[index] = true;
            }

            if (_state != State.Up)
                Judge();
        }
        else if (name.StartsWith(Goodbye))
        {
            _othersHeard.TryRemove(name[1..], out _);
        }
        else if (name.Length > 0)
        {
            var known = _othersHeard.TryGetValue(name, out var heard);
            var wasSilent = known && _time.GetElapsedTime(heard) > _options.ProbeTimeout;
            _othersHeard[name] = _time.GetTimestamp();
            if (!known)
                ForgetEarlierLives(name);
            if (!wasSilent)
                return;
            // What it committed meanwhile was not heard of here.
            if (_state == State.Silent)
                Judge();
            else
                _server.MayHaveMissed();
        }
    }

    // Whoever was silent under this name is dead. One that speaks is another gateway with the name of this one, which is
    // not allowed, and is heard again in a second.
    private void ForgetEarlierLives(string name)
    {
        var gateway = GatewayOf(name);
        var forgotten = false;
        foreach (var (other, heard) in _othersHeard)
        {
            if (other != name && GatewayOf(other).SequenceEqual(gateway))
                forgotten |= _othersHeard.TryRemove(new(other, heard));
        }

        if (gateway.SequenceEqual(_gatewayId))
            _server.SharesName(_gatewayId);
        if (forgotten && _state == State.Silent)
            Judge();
    }

    // One of an earlier version doesn't say.
    private bool SpreadsAsHere(string name)
    {
        var process = name.AsSpan(name.LastIndexOf('.') + 1);
        return process.IndexOf('/') is var at && (at < 0 || process[(at + 1)..].SequenceEqual(_fingerprint));
    }

    private static ReadOnlySpan<char> GatewayOf(string name) => name.AsSpan(0, Math.Max(0, name.LastIndexOf('.')));

    private void Judge()
    {
        if (!_server.Connection.Multiplexer!.IsConnected)
        {
            SetState(State.Down, "it can't be reached");
            return;
        }

        bool all, late = false;
        lock (_gate)
        {
            all = _channels.Length > 0 && Array.TrueForAll(_heardSinceFailure, static heard => heard);
            foreach (var heard in _ownHeard)
                late |= _time.GetElapsedTime(heard) > _options.ProbeTimeout;
            if (late)
                Array.Clear(_heardSinceFailure);
        }

        late |= _channels.Length == 0 && _time.GetElapsedTime(_since) > _options.ProbeTimeout;
        if (late)
            SetState(State.Down, $"no message came through for {_options.ProbeTimeout.TotalSeconds:0.#} s");
        else if (all && _state is (State.Up or State.Silent) && UnreliableOther() is { } reason)
            SetState(State.Silent, reason);
        else if (all)
            SetState(State.Up, null);
    }

    // Of a gateway whose messages may not come through; null if there is none.
    private string? UnreliableOther()
    {
        foreach (var (name, heard) in _othersHeard)
        {
            var silence = _time.GetElapsedTime(heard);
            if (silence > _options.SilencePatience)
                _othersHeard.TryRemove(new(name, heard));
            else if (silence > _options.ProbeTimeout && _time.GetElapsedTime(_since) > _options.ProbeTimeout)
                return $"gateway {GatewayOf(name)} is not heard on it any more";
            else if (!SpreadsAsHere(name))
                return $"gateway {GatewayOf(name)} spreads documents over other servers, or calls these otherwise (CloudSync:Redis:Servers, Names)";
        }

        return null;
    }

    private void SetState(State state, string? reason)
    {
        lock (_gate)
        {
            if (_state == state)
                return;
            // The others need as long to find the server again as this gateway did.
            if (_state is State.Starting or State.Down)
                _since = _time.GetTimestamp();
            _state = state;
            if (state == State.Down)
                Array.Clear(_heardSinceFailure);
        }

        _server.HealthChanged(state == State.Down, reason);
    }

    public async ValueTask DisposeAsync()
    {
        if (_timer is not null)
            await _timer.DisposeAsync().ConfigureAwait(false);
        if (_server.Connection.Multiplexer is not { IsConnected: true })
            return;
        foreach (var channel in _channels)
            Publish(channel, Encoding.UTF8.GetBytes(Goodbye + _name));
    }
}
