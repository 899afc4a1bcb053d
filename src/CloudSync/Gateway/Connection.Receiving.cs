// The receive loop. While nothing arrives it holds no buffer: it asks for no bytes at all, which completes when there are
// some, and only then rents an array, for as long as it takes to read and handle one message.

using System.Buffers;
using System.Net.WebSockets;
using CloudSync.Protocol;
using CloudSync.Protocol.V1;
using Google.Protobuf;

namespace CloudSync.Gateway;

internal sealed partial class Connection
{
    private const int FirstReceiveBytes = 4096;

    // A message that was begun has ReceiveTimeout for each so many bytes of it: one byte a second is too slow, but a large
    // operation over a slow line is not, or it would be cut off and sent again for ever.
    private const int ProgressBytes = 16 * 1024;

    // Answers of the gateway's own that wait to be sent; over this nothing more is read from the client, so one that asks
    // and never reads fills its own socket and not our memory.
    private const int ControlBytesMax = 16 * 1024;

    // Messages handled since a flush last gathered what is to be sent. Over this the loop waits for the next flush, which
    // waits for the client to read: so answers that wait in the documents' sessions stay few as well.
    private const int HandledPerFlush = 256;

    private int _handled;
    private Task? _blockedOn;
    private bool _paused;

    /// <summary>Serves the connection until it ends. Never throws.</summary>
    public async Task RunAsync()
    {
        _gateway.Metrics.Opened();
        try
        {
            while (true)
            {
                // What ReceiveAsync would do; but what waits here for hours is this one method and not two.
                if (_tcp is not null)
                {
                    while (!_tcp.TryBegin())
                    {
                        await _tcp.WhenReadableAsync();
                        _tcp.TryReceive();
                    }
                }

                var start = await _socket.ReceiveAsync(Memory<byte>.Empty, CancellationToken.None);
                if (start.MessageType == WebSocketMessageType.Close || !await ReceiveMessageAsync(start))
                    break;
            }

            ClientClosed();
            lock (_gate)
                _close ??= CloseCode.Normal;
        }
        catch (Exception)
        {
            // The other side went away, broke the WebSocket protocol (if the socket isn't ours it has told it so), or was aborted.
            if (_tcp is { Failure: not 0 })
                Close(_tcp.Failure == WebSocketCloseStatus.PolicyViolation ? CloseCode.WebSocketFlooded : CloseCode.WebSocketBroken);
            else
                Abort();
        }

        await EndAsync();
    }

    /// <summary>Reads one message to its end and handles it; false if the client closed in the midst of it.</summary>
    private async ValueTask<bool> ReceiveMessageAsync(ValueWebSocketReceiveResult start)
    {
        if (start.MessageType == WebSocketMessageType.Text && !IsClosing)
            Refuse(GatewayRefusals.TextMessage, CloseCode.TextMessage);
        Volatile.Write(ref _messageStartedAt, _gateway.Time.GetTimestamp());
        var limit = _gateway.Options.Limits.MessageBytes;
        var buffer = ArrayPool<byte>.Shared.Rent(FirstReceiveBytes);
        try
        {
            int count = 0, progress = 0;
            for (var ended = start.EndOfMessage; !ended;)
            {
                if (count == buffer.Length)
                    buffer = Grow(buffer, limit);
                var part = await _socket.ReceiveAsync(buffer.AsMemory(count), CancellationToken.None);
                if (part.MessageType == WebSocketMessageType.Close)
                    return false;
                count += part.Count;
                ended = part.EndOfMessage;
                if (count - progress >= ProgressBytes)
                {
                    progress = count;
                    Volatile.Write(ref _messageStartedAt, _gateway.Time.GetTimestamp());
                }

                if (count > limit && !IsClosing)
                    Refuse(GatewayRefusals.MessageTooLarge(limit), CloseCode.MessageTooLarge);
                // What comes after we have begun to close is read only to find the client's close frame.
                if (IsClosing)
                    count = 0;
            }

            Volatile.Write(ref _messageStartedAt, 0);
            if (!IsClosing)
                await HandleAsync(buffer, count);
            return true;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private static byte[] Grow(byte[] buffer, int limit)
    {
        var grown = ArrayPool<byte>.Shared.Rent((int)Math.Min(buffer.Length * 2L, limit + 1L));
        buffer.CopyTo(grown, 0);
        ArrayPool<byte>.Shared.Return(buffer);
        return grown;
    }

    private async ValueTask HandleAsync(byte[] buffer, int count)
    {
        try
        {
            var messages = CountMessages(buffer.AsSpan(0, count));
            _gateway.Metrics.Received(count, Math.Max(messages, 0));
            if (messages < 0)
            {
                Refuse(GatewayRefusals.MalformedFrame, CloseCode.MalformedFrame);
                return;
            }

            await KeepRateAsync(messages, count);
            if (_hello == HelloState.Done)
                Volatile.Write(ref _heardAt, _gateway.Time.GetTimestamp());
            var position = 0;
            while (!HandleFrom(buffer.AsSpan(0, count), ref position))
            {
                Volatile.Write(ref _paused, true);
                _gateway.Metrics.Paused();
                await _blockedOn!;
                // That it was not heard was our doing.
                Volatile.Write(ref _heardAt, _gateway.Time.GetTimestamp());
                Volatile.Write(ref _paused, false);
            }
        }
        catch (Exception exception)
        {
            GatewayLog.ConnectionBroke(_gateway.Log, exception, Id);
            Refuse(GatewayRefusals.Internal, CloseCode.Internal);
        }
    }

    /// <summary>
    /// How many messages a frame holds, or -1 if any part of it is malformed: it is looked through before anything in it
    /// is done, so that a bad frame changes nothing.
    /// </summary>
    private static int CountMessages(ReadOnlySpan<byte> frame)
    {
        var count = 0;
        var reader = new ClientFrameReader(frame);
        while (true)
        {
            switch (reader.Read(out var message))
            {
                case FrameRead.End:
                    return count;
                case FrameRead.Message when IsWellFormed(message):
                    count++;
                    break;
                default:
                    return -1;
            }
        }
    }

    private static bool IsWellFormed(ClientMessageView message) => message.Body switch
    {
        ClientMessage.BodyOneofCase.Submit => SubmitView.TryParse(message.Bytes, out _),
        ClientMessage.BodyOneofCase.Hello => IsParsed(Hello.Parser, message.Bytes),
        ClientMessage.BodyOneofCase.Open => IsParsed(Open.Parser, message.Bytes),
        ClientMessage.BodyOneofCase.Close => IsParsed(Protocol.V1.Close.Parser, message.Bytes),
        ClientMessage.BodyOneofCase.Authenticate => IsParsed(Authenticate.Parser, message.Bytes),
        ClientMessage.BodyOneofCase.SetPresence => IsParsed(SetPresence.Parser, message.Bytes),
        ClientMessage.BodyOneofCase.Ping => message.Bytes.IsEmpty || IsParsed(Ping.Parser, message.Bytes),
        _ => true,
    };

    private static bool IsParsed<T>(MessageParser<T> parser, ReadOnlySpan<byte> bytes)
        where T : IMessage<T>
    {
        try
        {
            parser.ParseFrom(bytes);
            return true;
        }
        catch (InvalidProtocolBufferException)
        {
            return false;
        }
    }
}
