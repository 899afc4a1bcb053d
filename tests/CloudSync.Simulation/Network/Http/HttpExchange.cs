// One request and its answer, between a client and a gateway, with everything that a network of proxies makes of them.

using System.Diagnostics.CodeAnalysis;
using System.Net;
using CloudSync.Simulation.Actors;
using CloudSync.Simulation.World;

namespace CloudSync.Simulation.Network.Http;

[SuppressMessage("Reliability", "CA1001", Justification = "Nothing in it belongs to the machine.")]
internal sealed class HttpExchange
{
    // As in nginx.conf.
    private const int AttemptsMax = 3;

    // A proxy, or a gateway behind it, may hear of it so late that somebody has gone.
    private static readonly TimeSpan _unheardMax = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan _lateMax = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan _repeatedMax = TimeSpan.FromSeconds(0.5);

    private readonly SimulatedWorld _world;
    private readonly SimulatedProcess _client;
    private readonly Line _line;
    private readonly Func<int, SimulatedGateway?> _choose;
    private readonly Action _failed;
    private readonly SentRequest _request;
    private readonly CancellationToken _cancelled;
    private readonly TaskCompletionSource<HttpResponseMessage> _answer = new();
    private readonly AnswerBody _body;
    private readonly Queue<Action> _inbox = new();
    private readonly List<ReadOnlyMemory<byte>> _held = [];
    private readonly RequestFault _fault;
    private CancellationTokenRegistration _registration;
    private GatewayRequest? _taken;
    private int _bytesLeft = int.MaxValue;
    private bool _headTold;
    private int _attempt;
    private bool _over;

    /// <param name="client">Who asks.</param>
    /// <param name="line">Its line.</param>
    /// <param name="choose">Where a load balancer sends it, at the first, second or third attempt; null: nobody answers there.</param>
    /// <param name="failed">Called when the network has failed it.</param>
    /// <param name="request">What is asked.</param>
    /// <param name="cancelled">The client gives it up.</param>
    public HttpExchange(
        SimulatedProcess client, Line line, Func<int, SimulatedGateway?> choose, Action failed, SentRequest request, CancellationToken cancelled)
    {
        (_world, _client, _line, _choose, _failed, _request, _cancelled) =
            (client.World, client, line, choose, failed, request, cancelled);
        _body = new(() => TellClient(() => _body!.Wake()));
        _fault = line.DrawRequestFault();
    }

    public Task<HttpResponseMessage> Begin()
    {
        _line.Broken += OnLineBroken;
        _client.Died += OnClientDied;
        _registration = _cancelled.UnsafeRegister(static exchange => ((HttpExchange)exchange!).OnCancelled(), this);
        if (!_line.IsOnline)
        {
            _world.After(_line.Latency, () => Fail("Nobody answers."));
            return _answer.Task;
        }

        switch (_fault)
        {
            case RequestFault.Lost:
                _world.Reached.Count(Rare.RequestsLost);
                _world.After(_line.Latency + _line.Some(_lateMax), () => Fail("The request was lost."));
                if (_request.Body.Length > 0)
                    Deliver(_request with { IsCutOff = true }, default, isAnswered: false);
                break;
            case RequestFault.Late:
                Deliver(_request, _line.Some(_lateMax), isAnswered: true);
                break;
            case RequestFault.Repeated:
                // A proxy whose first attempt came to nothing, as far as it can see.
                _world.Reached.Count(Rare.RequestsRepeated);
                Deliver(_request, default, isAnswered: false);
                Deliver(_request, _line.Some(_repeatedMax), isAnswered: true);
                break;
            case RequestFault.Overtaken:
                Deliver(_request, default, isAnswered: true);
                if (!_request.IsPost)
                    break;
                // One that was given up somewhere, and arrives behind those that came after it.
                _world.Reached.Count(Rare.RequestsRepeated);
                Deliver(_request, _line.Some(_lateMax), isAnswered: false);
                break;
            case RequestFault.AnswerCut:
                _bytesLeft = _line.SomeBytes();
                Deliver(_request, default, isAnswered: true);
                break;
            default:
                Deliver(_request, default, isAnswered: true);
                break;
        }

        return _answer.Task;
    }

    private void Deliver(SentRequest request, TimeSpan delay, bool isAnswered) =>
        _world.At(_world.Now + delay.Ticks + _line.Transit(request.Bytes), () => Arrive(request, isAnswered, 0));

    private void Arrive(SentRequest request, bool isAnswered, int attempt)
    {
        if (_line.IsSilent)
        {
            _line.WhenRestored(() => Arrive(request, isAnswered, attempt));
            return;
        }

        // Whoever has gone has sent it all the same.
        var isWaitedFor = isAnswered && !_over;
        SimulatedGateway? chosen;
        while ((chosen = _choose(attempt)) is null && attempt < AttemptsMax - 1)
            attempt++;
        if (chosen is not { } gateway)
        {
            if (isWaitedFor)
                Fail("Nobody answers.");
            return;
        }

        var taken = new GatewayRequest(gateway.Process, request, _line, isWaitedFor ? Arrived : null);
        _attempt = attempt;
        if (isWaitedFor)
        {
            _taken = taken;
            taken.GatewayDied += silently =>
            {
                if (!silently)
                    _world.After(TimeSpan.FromMilliseconds(5), () => Fail("The gateway is gone."));
            };
        }
        else if (!isAnswered || _over)
        {
            _world.After(_line.Some(_unheardMax), taken.ClientGone);
        }

        gateway.Accept(taken);
    }

    private void Arrived(GatewayRequest taken, Message message)
    {
        if (_over)
            return;
        if (_fault == RequestFault.AnswerLost)
        {
            _world.Reached.Count(Rare.AnswersLost);
            Fail("The answer was lost.");
            return;
        }

        // Who stops, is full, or has no such connection, isn't the only one.
        if (!_headTold && taken == _taken && taken.StatusCode is 404 or 429 or 503 && _attempt < AttemptsMax - 1)
        {
            _taken = null;
            taken.ClientGone();
            Arrive(_request, isAnswered: true, _attempt + 1);
            return;
        }

        // It was passed over.
        if (taken != _taken)
            return;
        var isEnd = message.CloseCode == GatewayRequest.Ended;
        // Some proxies give an answer on when they have all of it.
        if (_line.HoldsAnswers && !isEnd)
        {
            _held.Add(message.Frame);
            return;
        }

        if (!_headTold)
            TellHead(taken);
        foreach (var chunk in _held)
            Tell(chunk);
        _held.Clear();
        Tell(message.Frame);
        if (_over || !isEnd)
            return;
        End();
        TellClient(_body.End);
    }

    private void Tell(ReadOnlyMemory<byte> chunk)
    {
        if (_over)
            return;
        var cut = chunk.Length > _bytesLeft;
        var part = cut ? chunk[.._bytesLeft] : chunk;
        _bytesLeft -= part.Length;
        TellClient(() => _body.Add(part));
        if (!cut)
            return;
        _world.Reached.Count(Rare.AnswersCut);
        Fail("The answer was cut off.");
    }

    private void TellHead(GatewayRequest taken)
    {
        _headTold = true;
        var answer = new HttpResponseMessage((HttpStatusCode)taken.StatusCode) { Content = new StreamContent(_body) };
        foreach (var (name, value) in taken.Headers)
            answer.Headers.TryAddWithoutValidation(name, value.ToString());
        TellClient(() => _answer.TrySetResult(answer));
    }

    private void Fail(string why)
    {
        if (_over)
            return;
        End();
        _failed();
        LeaveGateway();
        TellClient(() =>
        {
            if (!_answer.TrySetException(new HttpRequestException(why)))
                _body.Fail(new IOException(why));
        });
    }

    private void OnLineBroken() => Fail("The line broke.");

    private void OnCancelled()
    {
        if (_over)
            return;
        End();
        LeaveGateway();
        TellClient(() =>
        {
            if (!_answer.TrySetCanceled(_cancelled))
                _body.Wake();
        });
    }

    private void OnClientDied()
    {
        End();
        LeaveGateway();
    }

    // The gateway hears that nobody waits any more; late, if the network is bad.
    private void LeaveGateway()
    {
        if (_taken is not { } taken)
            return;
        _world.At(
            _world.Now + _line.Transit(0) + (_fault == RequestFault.None ? 0 : _line.Some(_unheardMax).Ticks),
            () =>
            {
                if (_line.IsSilent)
                    _line.WhenRestored(taken.ClientGone);
                else
                    taken.ClientGone();
            });
    }

    private void End()
    {
        if (_over)
            return;
        _over = true;
        _line.Broken -= OnLineBroken;
        _client.Died -= OnClientDied;
    }

    // In order, whatever the order in which the process gets to it.
    private void TellClient(Action tell)
    {
        _inbox.Enqueue(tell);
        _client.Post(() => Bare.Run(_inbox.Dequeue()));
    }
}

/// <summary>What becomes of a request.</summary>
internal enum RequestFault
{
    None,
    Lost,
    Late,
    Repeated,
    Overtaken,
    AnswerLost,
    AnswerCut,
}
