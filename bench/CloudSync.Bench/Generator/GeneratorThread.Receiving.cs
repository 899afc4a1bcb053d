// What comes and goes on the sockets. Everything is received into one buffer and read there; only what isn't whole is kept.

using System.ComponentModel;
using System.Diagnostics;
using System.Text;

namespace CloudSync.Bench.Generator;

internal sealed partial class GeneratorThread
{
    // More than this waits for a server that doesn't read: it isn't going to.
    private const int UnsentBytesMax = 1 << 20;

    // When what is being read was received: the moment it is on the screen.
    private long _receivedAt;

    private Span<byte> Payload => _sending.AsSpan(WebSocketFrames.HeaderBytesMax);

    private void Handle(LoadClient client, uint events)
    {
        // Of a connection that was closed since.
        if (client.Socket < 0)
            return;
        if (client.State == ClientState.Connecting)
        {
            if ((events & (Epoll.Writable | Epoll.Broken)) != 0)
                Connected(client);
            return;
        }

        if ((events & Epoll.Writable) != 0)
            WriteUnsent(client);
        if ((events & (Epoll.Readable | Epoll.Broken)) != 0 && client.Socket >= 0)
            Receive(client);
        TypeWhatWasHeldBack();
    }

    private void Receive(LoadClient client)
    {
        if (client.Polls is { } polls)
        {
            ReceivePosted(client, polls);
            return;
        }

        var partial = client.Partial is { ReceivedLength: > 0 } some ? some : null;
        var buffer = partial?.Received ?? _receiving;
        var length = partial?.ReceivedLength ?? 0;
        var count = LinuxSockets.Receive(client.Socket, buffer.AsSpan(length));
        if (count <= 0)
        {
            if (count is -LinuxSockets.WouldBlock or -LinuxSockets.Interrupted)
                return;
            Failed(client, count == 0 ? "The server hung up without a word." : new Win32Exception(-count).Message);
            return;
        }

        _receivedAt = Stopwatch.GetTimestamp();
        client.HeardAt = Milliseconds(_receivedAt);
        length += count;
        var read = 0;
        var needed = 0;
        while (client.Socket >= 0 && read < length && TryRead(client, buffer.AsSpan(read, length - read), out var taken, out needed))
            read += taken;
        if (client.Socket >= 0)
            Keep(client, buffer.AsSpan(read, length - read), needed);
    }

    // The rest of what was received, which isn't a whole frame.
    private static void Keep(LoadClient client, Span<byte> rest, int needed)
    {
        if (rest.IsEmpty)
        {
            if (client.Partial is { IsInMessage: false })
                client.Partial = null;
            else if (client.Partial is not null)
                client.Partial.ReceivedLength = 0;
            return;
        }

        var partial = client.Partial ??= new PartialMessage();
        if (partial.Received.Length < Math.Max(needed, rest.Length + 1))
        {
            var larger = new byte[Math.Max(needed, rest.Length * 2)];
            rest.CopyTo(larger);
            partial.Received = larger;
        }
        else
        {
            rest.CopyTo(partial.Received);
        }

        partial.ReceivedLength = rest.Length;
    }

    private bool TryRead(LoadClient client, ReadOnlySpan<byte> bytes, out int taken, out int needed)
    {
        if (client.State != ClientState.Upgrading)
            return TryReadFrame(client, bytes, out taken, out needed);
        needed = bytes.Length + 1;
        var state = _upgrade.Read(bytes, out taken, out var refusal);
        if (state == UpgradeState.Accepted)
            Upgraded(client);
        else if (state == UpgradeState.Refused)
            // Whole seconds: all that were sent away in the same one would come back together.
            Failed(client, refusal.Reason, refusal.IsExact ? refusal.RetryAfter : refusal.RetryAfter + TimeSpan.FromSeconds(_random.NextDouble()));
        return state == UpgradeState.Accepted;
    }

    private bool TryReadFrame(LoadClient client, ReadOnlySpan<byte> bytes, out int taken, out int needed)
    {
        var state = WebSocketFrames.Read(bytes, out var frame, out needed);
        taken = frame.Length;
        if (state == FrameState.Broken)
            Failed(client, "The server broke the WebSocket protocol.");
        if (state != FrameState.Whole)
            return false;
        switch (frame.Opcode)
        {
            case Opcode.Ping:
                frame.Payload.CopyTo(Payload);
                Send(client, frame.Payload.Length, Opcode.Pong);
                break;
            case Opcode.Pong:
                break;
            case Opcode.Close:
                var code = frame.Payload.Length < 2 ? 1005 : (frame.Payload[0] << 8) | frame.Payload[1];
                var reason = frame.Payload.Length < 2 ? "" : Encoding.UTF8.GetString(frame.Payload[2..]);
                Failed(client, $"The server closed: {code} {reason}".TrimEnd());
                break;
            case Opcode.Continuation when client.Partial is not { IsInMessage: true }:
            case Opcode.Text or Opcode.Binary when client.Partial is { IsInMessage: true }:
                Failed(client, "The server broke the WebSocket protocol.");
                break;
            case Opcode.Text or Opcode.Binary when frame.IsLast:
                _protocol.Receive(client, frame.Payload, this);
                break;
            default:
                TakePiece(client, frame);
                break;
        }

        return true;
    }

    private void TakePiece(LoadClient client, ReceivedFrame frame)
    {
        var partial = client.Partial ??= new PartialMessage();
        if (!partial.IsInMessage)
            (partial.IsInMessage, partial.MessageLength) = (true, 0);
        var length = partial.MessageLength + frame.Payload.Length;
        if (length > WebSocketFrames.PayloadBytesMax)
        {
            Failed(client, "The server sent a message without end.");
            return;
        }

        if (partial.Message.Length < length)
        {
            var message = partial.Message;
            Array.Resize(ref message, Math.Max(length, message.Length * 2));
            partial.Message = message;
        }

        frame.Payload.CopyTo(partial.Message.AsSpan(partial.MessageLength));
        partial.MessageLength = length;
        if (!frame.IsLast)
            return;
        partial.IsInMessage = false;
        var whole = partial.Message;
        partial.Message = [];
        _protocol.Receive(client, whole.AsSpan(0, length), this);
    }

    // The payload stands in the buffer already.
    private void Send(LoadClient client, int length, Opcode? opcode = null)
    {
        if (length == 0 || client.Socket < 0)
            return;
        if (client.Polls is { } polls)
        {
            client.SentAt = Milliseconds(Stopwatch.GetTimestamp());
            SendPolled(client, polls, Payload[..length]);
            return;
        }

        var frame = _sending.AsSpan(0, WebSocketFrames.HeaderBytesMax + length);
        var start = WebSocketFrames.Seal(frame, opcode ?? (_protocol.IsText ? Opcode.Text : Opcode.Binary), (uint)_random.Next());
        client.SentAt = Milliseconds(Stopwatch.GetTimestamp());
        Write(client, frame[start..]);
    }

    private void Write(LoadClient client, ReadOnlySpan<byte> bytes)
    {
        if (client.Unsent is not null)
        {
            AddUnsent(client, bytes);
            return;
        }

        var count = LinuxSockets.Send(client.Socket, bytes);
        if (count < 0 && count is not (-LinuxSockets.WouldBlock or -LinuxSockets.Interrupted))
        {
            Failed(client, new Win32Exception(-count).Message);
            return;
        }

        count = Math.Max(count, 0);
        if (count == bytes.Length)
            return;
        AddUnsent(client, bytes[count..]);
        _epoll.Change(client.Socket, Epoll.Readable | Epoll.Writable, client.Index);
    }

    private void AddUnsent(LoadClient client, ReadOnlySpan<byte> bytes)
    {
        var unsent = client.Unsent ?? [];
        if (unsent.Length + bytes.Length > UnsentBytesMax)
            Failed(client, "The server doesn't read.");
        else
            client.Unsent = [.. unsent, .. bytes];
    }

    private void WriteUnsent(LoadClient client)
    {
        if (client.Unsent is not { } unsent)
            return;
        client.Unsent = null;
        var count = LinuxSockets.Send(client.Socket, unsent);
        if (count < 0 && count is not (-LinuxSockets.WouldBlock or -LinuxSockets.Interrupted))
            Failed(client, new Win32Exception(-count).Message);
        else if (count < unsent.Length)
            client.Unsent = unsent[Math.Max(count, 0)..];
        else
            _epoll.Change(client.Socket, Epoll.Readable, client.Index);
    }
}
