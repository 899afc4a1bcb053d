// One connection between a client and a gateway: two pipes, and at each end what production code expects there.

using CloudSync.Client;
using CloudSync.Protocol.V1;
using CloudSync.Simulation.Actors;
using CloudSync.Simulation.World;

namespace CloudSync.Simulation.Network;

/// <summary>The client's end, which makes the connection when it is started.</summary>
internal sealed class SimulatedConnection : ClientTransport, IUserConnection
{
    private static readonly TimeSpan _cutLater = TimeSpan.FromSeconds(0.4);

    private readonly SimulatedWorld _world;
    private readonly SimulatedUser _user;
    private readonly SimulatedProcess _client;
    private readonly Line _line;
    private readonly Func<SimulatedGateway?> _choose;
    private readonly Queue<Action> _inbox = new();
    private readonly List<byte> _parts = [];
    private readonly Pipe _up;
    private readonly Pipe _down;
    private ITransportListener? _listener;
    private bool _isTrial;
    private bool _ended;

    /// <param name="user">Whose it is.</param>
    /// <param name="choose">Chooses a gateway, as a load balancer does; null: none answers.</param>
    public SimulatedConnection(SimulatedUser user, Func<SimulatedGateway?> choose)
    {
        (_world, _user, _client, _line, _choose) = (user.World, user, user.Process, user.Line, choose);
        _up = new(_world, _line, message => Server?.Arrived(message));
        _down = new(_world, _line, Arrived, isDown: true);
        _line.Broken += OnLineBroken;
        _client.Died += OnClientDied;
    }

    /// <summary>The gateway's end, once the gateway has taken the connection.</summary>
    public GatewaySocket? Server { get; private set; }

    public override void Start(ITransportListener listener)
    {
        _listener = listener;
        // What a trial is told is nothing to the connection there is, which may be told otherwise.
        _isTrial = listener is TransportTrial;
        if (!_isTrial)
            _user.Times.Asks();
        // There and back again.
        _world.At(_world.Now + (2 * _line.Transit(500)), Connect);
    }

    public override ValueTask SendAsync(ReadOnlyMemory<byte> frame)
    {
        _user.Times.Sends(frame);
        return _up.SendAsync(new(frame), _client);
    }

    /// <summary>As far as anybody can tell, both ends are there.</summary>
    public bool IsUp => !_ended && Server is not null && _listener is not null;

    public override void Close() => Close(CloseCodes.GoingAway);

    public override void Leave() => Close(1000);

    private void Close(int code)
    {
        if (_ended)
            return;
        if (Server is not null)
            _up.Send(new(default, code));
        // Nothing is heard from here on.
        _listener = null;
    }

    public ValueTask SendToClientAsync(Message message, SimulatedProcess gateway) => _down.SendAsync(message, gateway);

    /// <summary>The connection breaks; each end hears of it unless it is cut off.</summary>
    public void Break(string why)
    {
        if (_ended)
            return;
        End();
        Server?.Broken();
        Tell(listener => listener.Closed(new(why)));
    }

    /// <summary>The gateway is gone without a word.</summary>
    public void Abandon()
    {
        if (_ended)
            return;
        // What the client sends from now on gets no answer.
        Server = null;
    }

    /// <summary>The gateway refuses before there is a connection.</summary>
    public void Refuse(string why, TimeSpan retryAfter)
    {
        // What is said over a line that has broken isn't heard.
        if (_ended)
            return;
        End();
        Tell(listener =>
        {
            if (!_isTrial)
                _user.Times.Refused(retryAfter);
            listener.Closed(new(why, RetryAfter: retryAfter));
        });
    }

    /// <summary>Both ends have closed.</summary>
    public void End()
    {
        if (_ended)
            return;
        _ended = true;
        _line.Broken -= OnLineBroken;
        _client.Died -= OnClientDied;
        _up.Break();
        _down.Break();
    }

    /// <summary>The gateway has taken the connection.</summary>
    public void Accepted()
    {
        Tell(static listener => listener.Connected());
        if (_line.Block is WebSocketBlock.Cut or WebSocketBlock.CutLater)
            _world.After(_line.Block == WebSocketBlock.Cut ? _line.Latency : _line.Latency + _line.Some(_cutLater), () => Break("Something on the way has cut it off."));
    }

    private void Connect()
    {
        if (_ended || !_client.IsAlive)
            return;
        if (_line.IsSilent)
        {
            _line.WhenRestored(Connect);
            return;
        }

        if (_choose() is not { } gateway || !_line.IsOnline)
        {
            Refuse("Nobody answers.", default);
            return;
        }

        if (_line.Block == WebSocketBlock.Denied)
        {
            const string message = "The server answered 403 to the connection.";
            End();
            Tell(static listener => listener.Closed(new(message, new Refusal(ErrorCode.Unauthorized, message))));
            return;
        }

        if (_line.Block == WebSocketBlock.Swallowed)
            return;
        Server = new GatewaySocket(this, gateway);
        gateway.Accept(Server);
    }

    private void Arrived(Message message)
    {
        if (message.IsPart)
        {
            _parts.AddRange(message.Frame.Span);
            return;
        }

        if (message.CloseCode is not { } code)
        {
            var frame = message.Frame;
            if (_parts.Count > 0)
                frame = (byte[])[.. _parts, .. message.Frame.Span];
            _parts.Clear();
            Tell(listener =>
            {
                _user.Times.Took(frame);
                listener.Received(frame);
                _user.Received(this);
            });
            return;
        }

        Tell(listener =>
        {
            if (!_ended)
                _up.Send(new(default, 1000));
            listener.Closed(CloseCodes.Describe(code, message.CloseReason));
        });
    }

    // In order, whatever the order in which the process gets to it.
    private void Tell(Action<ITransportListener> tell)
    {
        _inbox.Enqueue(() =>
        {
            if (_listener is { } listener)
                tell(listener);
        });
        _client.Post(() => _inbox.Dequeue()());
    }

    private void OnLineBroken() => Break("The line broke.");

    private void OnClientDied()
    {
        _client.Died -= OnClientDied;
        _listener = null;
        if (Server is null || _line is not { IsOnline: true, IsSilent: false })
        {
            End();
            return;
        }

        // What a process has sent is the operating system's, which goes on with it, and then closes what the process has left.
        _down.Break();
        _up.Finish(() =>
        {
            var server = Server;
            End();
            server?.Finished();
        });
    }
}
