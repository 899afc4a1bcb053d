// The client's connection: made, greeted, heard, written to, and given up.

using CloudSync.Protocol.V1;
using Google.Protobuf;

namespace CloudSync.Client;

public sealed partial class CloudSyncClient
{
    internal void Connected(ClientConnection connection)
    {
        using var scope = Enter();
        if (connection != _connection)
            return;
        if (_tokens.ForHello() is { } token)
            Greet(connection, token);
        else
            _ = GreetAsync(connection, _options.TokenProvider!);
    }

    internal void Received(ClientConnection connection, ReadOnlyMemory<byte> frame)
    {
        using var _ = Enter();
        if (connection != _connection)
            return;
        connection.LastReceived = Now;
        _choice.Heard();
        ServerFrame parsed;
        try
        {
            parsed = ServerFrame.Parser.ParseFrom(frame.Span);
        }
        catch (InvalidProtocolBufferException exception)
        {
            Drop(new($"The server sent what is not a frame: {exception.Message}"));
            return;
        }

        foreach (var message in parsed.Messages)
        {
            Handle(connection, message);
            if (connection != _connection)
                return;
        }
    }

    internal void Closed(ClientConnection connection, TransportClosure closure)
    {
        using var _ = Enter();
        if (connection == _connection)
            Drop(closure);
    }

    internal void Sent(ClientConnection connection)
    {
        using var _ = Enter();
        connection.Sending = false;
    }

    /// <summary>Gives the connection up, and decides when to come back, if at all.</summary>
    internal void Drop(TransportClosure closure, bool tookTooLong = false)
    {
        if (_connection is not { } connection)
            return;
        // Whatever the transport still has to say of its end is not heard any more.
        _connection = null;
        StopTrial();
        // Who closes with a code of ours, or says when to come back, is the server; who denies a WebSocket needn't be.
        var isTold = closure.ByServer || closure.RetryAfter > TimeSpan.Zero || connection.ReturnAt is not null;
        var otherWay = _choice.Ended(
            Now, isTold ? ConnectionEnd.Told : tookTooLong || closure.Refusal is not null ? ConnectionEnd.Decisive : ConnectionEnd.Cut);
        if (closure.Refusal is null || otherWay)
            connection.Transport.Close();
        else
            connection.Transport.Leave();
        if (connection.Welcomed)
            _failures -= (int)Math.Clamp((Now - connection.WelcomedAt) / _options.BackoffForgetAfter, 0, _failures);
        foreach (var document in _documents.Values)
            document.Disconnected();
        _tokens.Disconnected();
        _refusal = otherWay ? null : closure.Refusal;
        if (_refusal is not null)
        {
            _tokens.Fail(new RefusedException(_refusal));
            foreach (var document in _documents.Values)
                document.FailWaiters();
            return;
        }

        // When the server has said so it is the right moment already, and no failure.
        _retryAt = otherWay ? Now : connection.ReturnAt is { } returnAt
            ? returnAt > Now ? returnAt : Now
            : Now + Backoff(_failures++, closure.RetryAfter);
        _retryIn = _retryAt - Now;
        SetAlarm(_retryAt.Value);
    }

    private async Task GreetAsync(ClientConnection connection, Func<Task<string>> provider)
    {
        string? token = null;
        var why = "The provider gave none.";
        try
        {
            token = await provider().ConfigureAwait(false);
        }
        catch (Exception exception)
        {
            why = exception.Message;
        }

        using var scope = Enter();
        if (connection != _connection)
            return;
        if (token is null)
        {
            // The way there is not to blame.
            _choice.Heard();
            Drop(new($"There is no token to connect with: {why}"));
        }
        else
        {
            Greet(connection, token);
        }
    }

    private void Greet(ClientConnection connection, string token) => connection.Greeting = new()
    {
        ProtocolVersion = ProtocolVersion,
        ClientId = ClientId,
        Agent = _options.Agent,
        User = User.ToWire(),
        Token = token,
    };

    private void Connect()
    {
        _retryAt = _retryIn = null;
        _refusal = null;
        _connection = new ClientConnection(this, NewTransport()) { LastReceived = Now, LastSent = Now };
        _connection.WelcomeBy = Now + _options.ConnectTimeout;
        SetAlarm(_connection.WelcomeBy);
        _connection.Transport.Start(_connection);
    }

    // With a hint for a load balancer, so that a document's users meet on one gateway. A server makes nothing of it.
    private Uri Address()
    {
        var document = _documents.Keys.FirstOrDefault();
        if (document is null)
            return _endpoint;
        var query = _endpoint.Query.Length > 1 ? _endpoint.Query + "&" : "?";
        return new UriBuilder(_endpoint) { Query = query + "document=" + Uri.EscapeDataString(document) }.Uri;
    }

    private void Handle(ClientConnection connection, ServerMessage message)
    {
        switch (message.BodyCase)
        {
            case ServerMessage.BodyOneofCase.Welcome when !connection.Welcomed:
                Limits = message.Welcome.Limits;
                connection.Welcome(message.Welcome, _options.Random);
                _choice.Welcomed(Now);
                TryWebSocket();
                _tokens.Welcomed(message.Welcome.TokenValidForMs);
                foreach (var document in _documents.Values)
                    document.Connected();
                SetAlarm(connection.NextAlarm);
                break;
            case ServerMessage.BodyOneofCase.Opened:
                Find(message.Opened.DocumentId)?.Handle(message.Opened);
                break;
            case ServerMessage.BodyOneofCase.Committed:
                Find(message.Committed.DocumentId)?.Handle(message.Committed);
                break;
            case ServerMessage.BodyOneofCase.Ack:
                Find(message.Ack.DocumentId)?.Handle(message.Ack);
                break;
            case ServerMessage.BodyOneofCase.PresenceChanged:
                Find(message.PresenceChanged.DocumentId)?.Handle(message.PresenceChanged);
                break;
            case ServerMessage.BodyOneofCase.Renamed:
                Find(message.Renamed.DocumentId)?.Handle(message.Renamed);
                break;
            case ServerMessage.BodyOneofCase.Closed:
                Find(message.Closed.DocumentId)?.Handle(message.Closed);
                break;
            case ServerMessage.BodyOneofCase.Error when message.Error.DocumentId.Length > 0:
                Find(message.Error.DocumentId)?.Handle(message.Error);
                break;
            case ServerMessage.BodyOneofCase.Authenticated:
                _tokens.Handle(message.Authenticated);
                break;
            case ServerMessage.BodyOneofCase.Error when _tokens.TryHandle(message.Error):
                break;
            case ServerMessage.BodyOneofCase.Error:
                var error = message.Error;
                Drop(new(
                    error.Message, error.Retry == Retry.Never ? error.ToRefusal() : null,
                    TimeSpan.FromMilliseconds(error.RetryAfterMs)));
                break;
            case ServerMessage.BodyOneofCase.GoingAway:
                var (min, max) = (message.GoingAway.ReconnectAfterMsMin, message.GoingAway.ReconnectAfterMsMax);
                var wait = min + (_options.Random.NextDouble() * (Math.Max(min, max) - min));
                connection.ReturnAt = Now + TimeSpan.FromMilliseconds(wait);
                SetAlarm(connection.ReturnAt.Value);
                break;
            default:
                // Pong, or something that a later server says to later clients.
                break;
        }
    }

    // One frame is under way at a time; meanwhile edits are composed, and presence is replaced. So nothing piles up.
    // True if anything may have changed by it.
    private bool Flush()
    {
        var sent = false;
        var due = _due.Count;
        while (_connection is { Sending: false } connection && NextFrame(connection) is { } frame)
        {
            sent = true;
            connection.LastSent = Now;
            var sending = Send(connection, frame);
            if (!sending.IsCompletedSuccessfully)
            {
                connection.Sending = true;
                _ = connection.AwaitSentAsync(sending);
            }
        }

        return sent || _due.Count != due;
    }

    // A socket that has just gone may say so at once instead of by the task. Either is a lost connection, and none of it
    // is the business of whoever happened to edit.
    private static ValueTask Send(ClientConnection connection, byte[] frame)
    {
        try
        {
            return connection.Transport.SendAsync(frame);
        }
        catch (Exception exception)
        {
            return ValueTask.FromException(exception);
        }
    }

    private byte[]? NextFrame(ClientConnection connection)
    {
        if (connection.Greeting is { } hello)
        {
            connection.Greeting = null;
            return new ClientFrame { Messages = { new ClientMessage { Hello = hello } } }.ToByteArray();
        }

        if (!connection.Welcomed)
            return null;
        var frame = new ClientFrame();
        if (connection.PingDue)
            frame.Messages.Add(new ClientMessage { Ping = new() });
        connection.PingDue = false;
        var bytesLeft = (int)Math.Min(Limits!.MessageBytes, int.MaxValue);
        if (_tokens.TakeDue() is { } token)
        {
            var authenticate = new ClientMessage { Authenticate = new() { Token = token } };
            frame.Messages.Add(authenticate);
            bytesLeft -= authenticate.CalculateSize();
        }

        foreach (var documentId in connection.Closing)
            frame.Messages.Add(new ClientMessage { Close = new() { DocumentId = documentId } });
        connection.Closing.Clear();
        while (_due.TryPeek(out var document))
        {
            // What a document has to say goes into a frame of its own if there is no room left in this one.
            if (frame.Messages.Count > 0 && document.BytesDue > bytesLeft)
                break;
            _due.Dequeue();
            bytesLeft -= document.BytesDue;
            document.Write(frame);
        }

        return frame.Messages.Count == 0 ? null : frame.ToByteArray();
    }
}
