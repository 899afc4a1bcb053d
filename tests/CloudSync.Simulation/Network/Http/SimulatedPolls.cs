// A connection over plain requests: the client's production code, over simulated HTTP.

using System.Diagnostics.CodeAnalysis;
using CloudSync.Client;
using CloudSync.Simulation.Actors;
using CloudSync.Simulation.Checking;
using CloudSync.Simulation.World;

namespace CloudSync.Simulation.Network.Http;

[SuppressMessage("Reliability", "CA1001", Justification = "Nothing in it belongs to the machine.")]
internal sealed class SimulatedPolls : ClientTransport, IUserConnection
{
    // When a request has failed, the connection may be gone without anybody's knowing.
    private static readonly long _doubtful = TimeSpan.FromSeconds(5).Ticks;

    private readonly SimulatedUser _user;
    private readonly SimulatedProcess _process;
    private readonly Requests _requests;
    private readonly PolledTransport _polls;
    private long _failedAt;
    private bool _connected;

    public SimulatedPolls(SimulatedUser user, Uri address, PollKinds kinds, Random random)
    {
        (_user, _process) = (user, user.Process);
        _requests = new(this);
        _polls = new(
            address, new CloudSyncClientOptions().MaxFrameBytes, kinds, new BareClock(_process.Clock), random, new HttpMessageInvoker(_requests),
            _process.Scheduler);
    }

    /// <summary>As far as anybody can tell, both ends are there.</summary>
    public bool IsUp => _connected && _failedAt < _process.World.Now - _doubtful;

    public override void Start(ITransportListener listener)
    {
        _user.Times.Asks();
        Bare.Run(() => _polls.Start(new Listener(this, listener)));
    }

    public override ValueTask SendAsync(ReadOnlyMemory<byte> frame)
    {
        _requests.Sends(frame.Span);
        _user.Times.Sends(frame);
        var promise = new SendPromise(_process);
        Bare.Run(() => _ = ForwardAsync(_polls.SendAsync(frame), promise));
        return new(promise, 0);
    }

    public override void Close()
    {
        _connected = false;
        Bare.Run(_polls.Close);
    }

    public override void Leave()
    {
        _connected = false;
        Bare.Run(_polls.Leave);
    }

    private static async Task ForwardAsync(ValueTask sending, SendPromise promise)
    {
        try
        {
            await sending.ConfigureAwait(false);
            promise.Complete(null);
        }
        catch (Exception exception)
        {
            promise.Complete(exception);
        }
    }

    private void Failed()
    {
        _failedAt = _process.World.Now;
        _user.RequestFailed();
    }

    private sealed class Listener(SimulatedPolls polls, ITransportListener listener) : ITransportListener
    {
        public void Connected() => Run(() =>
        {
            polls._connected = true;
            listener.Connected();
        });

        public void Received(ReadOnlyMemory<byte> frame)
        {
            polls._requests.Frames!.DownArrived(frame.Span);
            Run(() =>
            {
                polls._user.Times.Took(frame);
                listener.Received(frame);
                polls._user.Received(polls);
            });
        }

        public void Closed(TransportClosure closure) => Run(() =>
        {
            polls._connected = false;
            // A gateway tells again what isn't acknowledged, so that nothing can be missing.
            if (closure.Message == PolledTransport.LeftOut)
                polls._process.World.Fail("misdelivered", $"{polls._process.Name} was not sent all over its polled connection.");
            polls._user.Times.Refused(closure.RetryAfter);
            listener.Closed(closure);
        });

        private void Run(Action act) => polls._process.Run(static act => ((Action)act!)(), act);
    }

    /// <summary>The network as the client's HTTP finds it. All requests go the same way, as they name the same document.</summary>
    private sealed class Requests(SimulatedPolls polls) : HttpMessageHandler
    {
        private readonly List<ulong> _unnamed = [];
        private Uri? _address;
        private int? _place;

        /// <summary>What goes over the connection, once it has a key.</summary>
        public PolledFrames? Frames { get; private set; }

        public void Sends(ReadOnlySpan<byte> frame)
        {
            if (Frames is null)
                _unnamed.Add(RunHash.Of(frame));
            else
                Frames.UpSent(RunHash.Of(frame));
        }

        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            if (cancellationToken.IsCancellationRequested)
                return Task.FromCanceled<HttpResponseMessage>(cancellationToken);
            var sent = SentRequest.Copy(request);
            _address ??= sent.Address;
            if (sent.Key is not null && Frames is null)
            {
                Frames = polls._user.PolledTraffic.Of(sent.Key);
                _unnamed.ForEach(Frames.UpSent);
            }

            return new HttpExchange(polls._process, polls._user.Line, Choose, polls.Failed, sent, cancellationToken).Begin();
        }

        private SimulatedGateway? Choose(int attempt) => polls._user.At((_place ??= polls._user.PlaceOf(_address!)) + attempt);
    }
}
