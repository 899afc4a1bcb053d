// Connections without a WebSocket: posts go over one TCP connection, polls over another, and both are kept alive.

using System.ComponentModel;
using System.Diagnostics;
using System.Text.Unicode;

namespace CloudSync.Bench.Generator;

internal sealed partial class GeneratorThread
{
    // In the key of a socket that polls go over.
    private const int PollBit = 1 << 30;
    private const int HeadBytesMax = 1 << 10;

    // On a stream the server waits for acknowledgements when it has sent four times this much.
    private const int AcknowledgedBytes = 64 << 10;

    private readonly byte[] _posting = new byte[HeadBytesMax + SendBytes];

    private bool IsPolled => _plan.Transport != LoadTransport.WebSocket;

    private void OpenPolled(LoadClient client)
    {
        var path = _protocol.PathOf(client).Split('?', 2);
        var polls = client.Polls = new PolledLoad((path[0] + "/polling", "?" + path[1]));
        polls.IsPosting = true;
        Utf8.TryWrite(
            _posting, $"POST {polls.Path}{polls.Query} HTTP/1.1\r\nHost: {ServerOf(client).Host}\r\nContent-Length: 0\r\n\r\n", out var length);
        Write(client, _posting.AsSpan(0, length));
    }

    private void SendPolled(LoadClient client, PolledLoad polls, ReadOnlySpan<byte> frame)
    {
        if (!polls.IsPosting)
            Post(client, polls, frame);
        else if ((polls.Queued?.Length ?? 0) + frame.Length > UnsentBytesMax)
            Failed(client, "The server doesn't read.");
        else
            polls.Queued = [.. polls.Queued ?? [], .. frame];
    }

    // Without a frame it acknowledges.
    private void Post(LoadClient client, PolledLoad polls, ReadOnlySpan<byte> frame)
    {
        polls.IsPosting = true;
        polls.Unacknowledged = 0;
        var length = 0;
        if (frame.IsEmpty)
            Utf8.TryWrite(
                _posting,
                $"POST {polls.Path}{polls.Query} HTTP/1.1\r\nHost: {ServerOf(client).Host}\r\nCloudSync-Received: {polls.Received}\r\nContent-Length: 0\r\n\r\n",
                out length);
        else
            Utf8.TryWrite(
                _posting,
                $"POST {polls.Path}{polls.Query} HTTP/1.1\r\nHost: {ServerOf(client).Host}\r\nCloudSync-Received: {polls.Received}\r\nCloudSync-Frame: {++polls.Posted}\r\nContent-Length: {frame.Length}\r\n\r\n",
                out length);
        if (frame.Length > _posting.Length - length)
        {
            Failed(client, "A post is larger than the generator makes any.");
            return;
        }

        frame.CopyTo(_posting.AsSpan(length));
        Write(client, _posting.AsSpan(0, length + frame.Length));
    }

    private void ReceivePosted(LoadClient client, PolledLoad polls)
    {
        if (!TryReceive(client, client.Socket, polls.RestOfPosts, out var bytes))
            return;
        while (client.Polls == polls)
        {
            var part = polls.Posts.Read(bytes, out var taken, out var body);
            bytes = bytes[taken..];
            if (part == HttpPart.None)
                break;
            if (part == HttpPart.Body && !polls.IsOpen)
                polls.Add(body);
            else if (part == HttpPart.Broken)
                Failed(client, "The server broke HTTP.");
            else if (part == HttpPart.End)
                Posted(client, polls);
        }

        if (client.Polls == polls)
            polls.RestOfPosts = bytes.IsEmpty ? null : bytes.ToArray();
    }

    private void Posted(LoadClient client, PolledLoad polls)
    {
        polls.IsPosting = false;
        if (polls.Posts.Status != (polls.IsOpen ? 204 : 201))
        {
            var retryAfter = polls.Posts.RetryAfter;
            Failed(client, $"The server answered a post with {polls.Posts.Status}.", retryAfter + TimeSpan.FromSeconds(_random.NextDouble()));
        }
        else if (!polls.IsOpen)
        {
            if (polls.TryOpen())
                BeginPolling(client, polls);
            else
                Failed(client, "The server opened a connection without a key.");
        }
        else if (polls.Queued is { } queued)
        {
            polls.Queued = null;
            Post(client, polls, queued);
        }
        else
        {
            AcknowledgeIfDue(client, polls);
        }
    }

    private void BeginPolling(LoadClient client, PolledLoad polls)
    {
        try
        {
            polls.Socket = LinuxSockets.Connect(
                ServerOf(client).Address, _plan.Sources.Count == 0 ? null : _plan.Sources[_source++ % _plan.Sources.Count]);
            _epoll.Add(polls.Socket, Epoll.Readable | Epoll.Writable, client.Index | PollBit);
        }
        catch (Win32Exception exception)
        {
            Failed(client, $"Can't connect: {exception.Message}");
            return;
        }

        Upgraded(client);
    }

    private void HandlePoll(LoadClient client, uint events)
    {
        if (client.Polls is not { Socket: >= 0 } polls)
            return;
        if (!polls.IsConnected)
        {
            if (LinuxSockets.ErrorOf(polls.Socket) is var error && error != 0)
            {
                Failed(client, $"Can't connect: {new Win32Exception(error).Message}");
                return;
            }

            polls.IsConnected = true;
            _epoll.Change(polls.Socket, Epoll.Readable, client.Index | PollBit);
            Poll(client, polls);
            return;
        }

        if ((events & (Epoll.Readable | Epoll.Broken)) != 0)
            ReceivePolled(client, polls);
        TypeWhatWasHeldBack();
    }

    private void Poll(LoadClient client, PolledLoad polls)
    {
        polls.Forget();
        polls.Unacknowledged = 0;
        var accept = _plan.Transport == LoadTransport.ServerSentEvents ? "text/event-stream" : "*/*";
        Utf8.TryWrite(
            _posting, $"GET {polls.Path}{polls.Query}&after={polls.Received} HTTP/1.1\r\nHost: {ServerOf(client).Host}\r\nAccept: {accept}\r\n\r\n",
            out var length);
        if (LinuxSockets.Send(polls.Socket, _posting.AsSpan(0, length)) != length)
            Failed(client, "A poll could not be sent.");
    }

    private void ReceivePolled(LoadClient client, PolledLoad polls)
    {
        if (!TryReceive(client, polls.Socket, polls.RestOfPolls, out var bytes))
            return;
        while (client.Polls == polls)
        {
            var part = polls.Polls.Read(bytes, out var taken, out var body);
            bytes = bytes[taken..];
            if (part == HttpPart.None)
                break;
            if (part == HttpPart.Broken)
                Failed(client, "The server broke HTTP.");
            else if (part == HttpPart.Head && polls.Polls.Status is not (200 or 204))
                Failed(client, $"The server answered a poll with {polls.Polls.Status}.");
            else if (part == HttpPart.Body)
                Told(client, polls, body);
            else if (part == HttpPart.End)
                Poll(client, polls);
        }

        if (client.Polls == polls)
            polls.RestOfPolls = bytes.IsEmpty ? null : bytes.ToArray();
    }

    private void Told(LoadClient client, PolledLoad polls, ReadOnlySpan<byte> body)
    {
        polls.Add(body);
        var failure = polls.ReadEvents(frame =>
        {
            if (client.Polls == polls)
                _protocol.Receive(client, frame, this);
        });
        if (client.Polls != polls)
            return;
        if (failure is not null)
            Failed(client, failure);
        else if (!polls.IsPosting)
            AcknowledgeIfDue(client, polls);
    }

    // A single poll acknowledges by itself.
    private void AcknowledgeIfDue(LoadClient client, PolledLoad polls)
    {
        if (_plan.Transport == LoadTransport.ServerSentEvents && polls.Unacknowledged >= AcknowledgedBytes)
            Post(client, polls, default);
    }

    // What has come, behind what was left of the time before.
    private bool TryReceive(LoadClient client, int socket, byte[]? rest, out ReadOnlySpan<byte> bytes)
    {
        bytes = default;
        var length = rest?.Length ?? 0;
        rest?.CopyTo(_receiving, 0);
        var count = LinuxSockets.Receive(socket, _receiving.AsSpan(length));
        if (count <= 0)
        {
            if (count is not (-LinuxSockets.WouldBlock or -LinuxSockets.Interrupted))
                Failed(client, count == 0 ? "The server hung up without a word." : new Win32Exception(-count).Message);
            return false;
        }

        _receivedAt = Stopwatch.GetTimestamp();
        client.HeardAt = Milliseconds(_receivedAt);
        bytes = _receiving.AsSpan(0, length + count);
        return true;
    }
}
