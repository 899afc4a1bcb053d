// The gateway's end of a connection: the WebSocket that production code reads and writes, and the way to end it by force.

using System.Net.WebSockets;
using CloudSync.Simulation.Actors;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace CloudSync.Simulation.Network;

internal sealed class GatewaySocket(SimulatedConnection connection, SimulatedGateway gateway)
    : WebSocket, IHttpRequestLifetimeFeature, IHttpWebSocketFeature
{
    private readonly Queue<Message> _arrived = new();
    private TaskCompletionSource<bool>? _waiting;
    private ReadOnlyMemory<byte> _rest;
    private bool _reading;
    private bool _broken;
    private bool _finished;
    private WebSocketState _state = WebSocketState.Open;
    private WebSocketCloseStatus? _closeStatus;

    public bool IsWebSocketRequest => true;

    /// <summary>The gateway has taken it.</summary>
    public bool IsAccepted { get; private set; }

    public CancellationToken RequestAborted { get; set; }

    public override WebSocketCloseStatus? CloseStatus => _closeStatus;

    public override string? CloseStatusDescription => null;

    public override WebSocketState State => _state;

    public override string? SubProtocol => null;

    public SimulatedConnection Connection => connection;

    public Task<WebSocket> AcceptAsync(WebSocketAcceptContext context)
    {
        IsAccepted = true;
        connection.Accepted();
        return Task.FromResult<WebSocket>(this);
    }

    /// <summary>A message from the client.</summary>
    public void Arrived(Message message)
    {
        if (_broken)
            return;
        _arrived.Enqueue(message);
        Wake();
    }

    /// <summary>The client's end is closed, without a word; what has arrived can still be read.</summary>
    public void Finished()
    {
        _finished = true;
        Wake();
    }

    /// <summary>The connection is gone.</summary>
    public void Broken()
    {
        _broken = true;
        _state = WebSocketState.Aborted;
        Wake();
    }

    public override async ValueTask<ValueWebSocketReceiveResult> ReceiveAsync(
        Memory<byte> buffer, CancellationToken cancellationToken)
    {
        while (!_reading && _arrived.Count == 0 && !_broken && !_finished)
        {
            _waiting = new(TaskCreationOptions.RunContinuationsAsynchronously);
            await _waiting.Task;
        }

        if (!_reading && _arrived.Count == 0 && _finished)
            Broken();
        ThrowIfBroken();
        if (!_reading)
        {
            var message = _arrived.Peek();
            if (message.CloseCode is { } code)
            {
                _closeStatus = (WebSocketCloseStatus)code;
                _arrived.Dequeue();
                _state = _state == WebSocketState.CloseSent ? WebSocketState.Closed : WebSocketState.CloseReceived;
                return new(0, WebSocketMessageType.Close, endOfMessage: true);
            }

            if (buffer.IsEmpty)
                return new(0, WebSocketMessageType.Binary, endOfMessage: false);
            _arrived.Dequeue();
            (_rest, _reading) = (message.Frame, true);
        }

        var count = Math.Min(buffer.Length, _rest.Length);
        _rest[..count].CopyTo(buffer);
        _rest = _rest[count..];
        _reading = !_rest.IsEmpty;
        return new(count, WebSocketMessageType.Binary, endOfMessage: !_reading);
    }

    public override async ValueTask SendAsync(
        ReadOnlyMemory<byte> buffer, WebSocketMessageType messageType, bool endOfMessage, CancellationToken cancellationToken)
    {
        ThrowIfBroken();
        gateway.Sends(this, buffer, endOfMessage);
        await connection.SendToClientAsync(new(buffer.ToArray(), IsPart: !endOfMessage), gateway.Process);
    }

    public override async Task CloseOutputAsync(
        WebSocketCloseStatus closeStatus, string? statusDescription, CancellationToken cancellationToken)
    {
        ThrowIfBroken();
        _state = _state == WebSocketState.CloseReceived ? WebSocketState.Closed : WebSocketState.CloseSent;
        await connection.SendToClientAsync(new(default, (int)closeStatus, statusDescription), gateway.Process);
    }

    public override void Abort()
    {
        if (_broken)
            return;
        connection.Break("The gateway ended the connection.");
        Broken();
    }

    public override void Dispose()
    {
        // What is under way still arrives.
        _broken = true;
    }

    public override Task CloseAsync(
        WebSocketCloseStatus closeStatus, string? statusDescription, CancellationToken cancellationToken) =>
        throw new NotSupportedException();

    public override Task<WebSocketReceiveResult> ReceiveAsync(ArraySegment<byte> buffer, CancellationToken cancellationToken) =>
        throw new NotSupportedException();

    public override Task SendAsync(
        ArraySegment<byte> buffer, WebSocketMessageType messageType, bool endOfMessage, CancellationToken cancellationToken) =>
        throw new NotSupportedException();

    public SimulatedGateway Gateway => gateway;

    private void Wake()
    {
        var waiting = _waiting;
        _waiting = null;
        waiting?.TrySetResult(true);
    }

    private void ThrowIfBroken()
    {
        if (_broken)
            throw new WebSocketException(WebSocketError.ConnectionClosedPrematurely);
    }
}
