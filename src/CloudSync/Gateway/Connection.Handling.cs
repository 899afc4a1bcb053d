// What each message from the client does. A message that can't be handled yet (its document is still being opened, too
// many answers wait) is left where it stands: the loop waits and comes back to it, and so order is kept without a queue.

using System.Diagnostics;
using System.Security.Claims;
using CloudSync.Documents;
using CloudSync.Protocol;
using CloudSync.Protocol.V1;

namespace CloudSync.Gateway;

internal sealed partial class Connection
{
    private static readonly ServerMessage _pong = new() { Pong = new Pong() };

    private volatile HelloState _hello;
    private ulong _clientId;
    private User? _user;

    private enum HelloState : byte
    {
        None,
        Authenticating,
        Done,
    }

    /// <summary>
    /// Handles the messages of a frame from a position on. False: the one at the position has to wait for _blockedOn.
    /// </summary>
    private bool HandleFrom(ReadOnlySpan<byte> frame, ref int position)
    {
        while (!IsClosing)
        {
            if (MustWait())
                return false;
            var reader = new ClientFrameReader(frame[position..]);
            if (reader.Read(out var message) != FrameRead.Message)
                return true;
            if (!Handle(message))
                return false;
            Interlocked.Increment(ref _handled);
            position += reader.Position;
        }

        return true;
    }

    // True if nothing may be handled before answers were sent, or before it is known who this is.
    private bool MustWait()
    {
        if (!IsWaiting())
            return false;
        lock (_gate)
        {
            if (!IsWaiting())
                return false;
            Block_NeedsGate();
        }

        Schedule();
        return true;

        bool IsWaiting() => Volatile.Read(ref _controlBytes) > ControlBytesMax
            || Volatile.Read(ref _handled) >= HandledPerFlush || _hello == HelloState.Authenticating;
    }

    // What the loop waits for completes at the next progress of any kind; then it looks again.
    private void Block_NeedsGate()
    {
        if (IsClosing)
        {
            _blockedOn = Task.CompletedTask;
            return;
        }

        _progress ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _blockedOn = _progress.Task;
    }

    private bool Handle(ClientMessageView message)
    {
        if (_hello == HelloState.None && message.Body != ClientMessage.BodyOneofCase.Hello)
        {
            Refuse(GatewayRefusals.HelloExpected, CloseCode.HelloExpected);
            return true;
        }

        switch (message.Body)
        {
            case ClientMessage.BodyOneofCase.Submit:
                return SubmitView.TryParse(message.Bytes, out var submit)
                    ? HandleSubmit(submit)
                    : throw new UnreachableException("The frame was looked through before.");
            case ClientMessage.BodyOneofCase.Ping:
                Answer(_pong);
                return true;
            case ClientMessage.BodyOneofCase.SetPresence:
                return HandleSetPresence(SetPresence.Parser.ParseFrom(message.Bytes));
            case ClientMessage.BodyOneofCase.Open:
                return HandleOpen(Open.Parser.ParseFrom(message.Bytes));
            case ClientMessage.BodyOneofCase.Close:
                return HandleClose(Protocol.V1.Close.Parser.ParseFrom(message.Bytes));
            case ClientMessage.BodyOneofCase.Authenticate:
                return HandleAuthenticate(Authenticate.Parser.ParseFrom(message.Bytes).Token);
            case ClientMessage.BodyOneofCase.Hello:
                HandleHello(Hello.Parser.ParseFrom(message.Bytes));
                return true;
            default:
                Answer(GatewayRefusals.UnknownMessage);
                return true;
        }
    }

    private void HandleHello(Hello hello)
    {
        if (_hello != HelloState.None)
        {
            Refuse(GatewayRefusals.HelloTwice, CloseCode.HelloInvalid);
        }
        else if (hello.ProtocolVersion != GatewayEnvironment.ProtocolVersion)
        {
            Refuse(
                GatewayRefusals.UnsupportedProtocolVersion(hello.ProtocolVersion), CloseCode.UnsupportedProtocolVersion);
        }
        else if (Identity.Check(hello) is { } refusal)
        {
            Refuse(refusal, CloseCode.HelloInvalid);
        }
        else if (_host is null && _gateway.Authenticator is { } authenticator)
        {
            _hello = HelloState.Authenticating;
            _standsOnToken = true;
            _ = AuthenticateAsync(authenticator, hello);
        }
        else
        {
            Greet(hello, _host);
        }
    }

    private async Task AuthenticateAsync(ICloudSyncAuthenticator authenticator, Hello hello)
    {
        ClaimsPrincipal? principal;
        try
        {
            principal = await authenticator.AuthenticateAsync(hello.Token, _gateway.Stopped);
        }
        catch (Exception exception)
        {
            GatewayLog.AuthenticatorBroke(_gateway.Log, exception, Id);
            Refuse(GatewayRefusals.AuthenticatorBroke, CloseCode.Internal);
            return;
        }

        if (Identity.FromHost(principal) is { } user && TryFindEnd(principal!, out var end))
        {
            Volatile.Write(ref _tokenEndsAt, end);
            Greet(hello, user);
        }
        else
        {
            Refuse(GatewayRefusals.Unauthorized, CloseCode.Unauthorized);
        }
    }

    private void Greet(Hello hello, User? host)
    {
        if (host is not null && _gateway.Admission.EnterUser(host.Id) is { } notNow)
        {
            Refuse(notNow.Refusal, notNow.Code);
            return;
        }

        _clientId = hello.ClientId;
        _host = host;
        _user = Identity.Settle(hello.User, host, hello.ClientId);
        GatewayLog.ConnectionOpened(_gateway.Log, Id, hello.ClientId, hello.Agent);
        Volatile.Write(ref _heardAt, _gateway.Time.GetTimestamp());
        Answer(_gateway.Welcome(Id, MillisecondsUntil(_tokenEndsAt)));
        lock (_gate)
        {
            _hello = HelloState.Done;
            TellProgress_NeedsGate();
        }
    }
}
