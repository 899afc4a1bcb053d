// What has come to the screen of somebody who joins: the document, whole, and edits one after the other.

using CloudSync.Protocol;
using CloudSync.Protocol.V1;

namespace CloudSync.Bench.Join;

/// <param name="documentBytes">How large the text is at least.</param>
internal sealed class JoinedScreen(int documentBytes)
{
    private const string Malformed = "The server sent what is no ServerFrame.";

    /// <summary>Whether the whole document is there.</summary>
    public bool IsOpen { get; private set; }

    /// <summary>The version of what is on the screen.</summary>
    public long Version { get; private set; }

    /// <summary>Takes a WebSocket message.</summary>
    /// <exception cref="JoinException">The server refuses, or what it sends can't be right.</exception>
    public void Take(ReadOnlySpan<byte> message)
    {
        var frame = new WireReader(message);
        while (!frame.AtEnd)
        {
            if (!frame.TryReadTag(out var field, out var type) || field != ServerFrame.MessagesFieldNumber
                || type != WireType.Bytes || !frame.TryReadBytes(out var bytes))
                throw new JoinException(Malformed);
            var reader = new WireReader(bytes);
            if (!reader.TryReadTag(out field, out type) || type != WireType.Bytes || !reader.TryReadBytes(out var body))
                throw new JoinException(Malformed);
            // What is large isn't copied to be looked at.
            if (field == ServerMessage.OpenedFieldNumber)
                TakeOpened(body);
            else
                TakeSmall(ServerMessage.Parser.ParseFrom(bytes));
        }
    }

    private void TakeOpened(ReadOnlySpan<byte> body)
    {
        var reader = new WireReader(body);
        var snapshotBytes = 0;
        while (!reader.AtEnd)
        {
            if (!reader.TryReadTag(out var field, out var type))
                throw new JoinException(Malformed);
            if (field == Opened.VersionFieldNumber && type == WireType.Varint && reader.TryReadUInt64(out var version))
                Version = (long)version;
            else if (field == Opened.SnapshotFieldNumber && type == WireType.Bytes && reader.TryReadBytes(out var snapshot))
                snapshotBytes = snapshot.Length;
            else if (!reader.TrySkip(type))
                throw new JoinException(Malformed);
        }

        if (IsOpen || snapshotBytes < documentBytes)
            throw new JoinException("The server didn't send the whole document, once.");
        IsOpen = true;
    }

    private void TakeSmall(ServerMessage message)
    {
        switch (message.BodyCase)
        {
            case ServerMessage.BodyOneofCase.Committed:
                if (!IsOpen || (long)message.Committed.BaseVersion != Version)
                    throw new JoinException("The server left a version out, or sent one twice.");
                foreach (var operation in message.Committed.Operations)
                    Version += Math.Max((long)operation.Count, 1);
                break;
            case ServerMessage.BodyOneofCase.Error:
                var error = message.Error;
                throw new JoinException(
                    $"The server refused: {error.Code} {error.Limit}".TrimEnd(),
                    error.Retry == Retry.Later ? TimeSpan.FromMilliseconds(Math.Max(error.RetryAfterMs, 100)) : null);
            case ServerMessage.BodyOneofCase.Closed:
                throw new JoinException($"The server closed the document: {message.Closed.Reason}");
            default:
                break;
        }
    }
}
