// A client without a WebSocket that speaks the wire's own language over plain requests, and has no opinion: it sends the numbers
// that it is told, and forgets or repeats what a test wants.

using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Net;
using System.Text.Json;
using CloudSync.Protocol.V1;
using Google.Protobuf;
using Xunit;

namespace CloudSync.Tests.Gateway.Polling;

/// <summary>An event of a poll.</summary>
/// <param name="Name">"message", "piece" or "close".</param>
/// <param name="Id">The number of the piece; 0 if there is none.</param>
/// <param name="Data">As it was written.</param>
internal sealed record PollEvent(string Name, long Id, string Data);

internal sealed class PollClient : IAsyncDisposable
{
    // Only so that a test that waits in vain fails instead of hanging.
    private static readonly TimeSpan _guard = TimeSpan.FromSeconds(60);

    private readonly Queue<ServerMessage> _received = new();
    private readonly MemoryStream _pieces = new();
    private readonly HttpClient _http = new() { Timeout = _guard };
    private long _frames;

    private PollClient(GatewayHost host) => Root = new Uri($"http://{host.EndPoint}/sync/polling");

    public Uri Root { get; }

    public string Key { get; private set; } = "";

    /// <summary>Sent with each request.</summary>
    public Dictionary<string, string> Headers { get; } = [];

    /// <summary>The number of the last piece that was read by <see cref="ReceiveAsync()"/>.</summary>
    public long After { get; set; }

    /// <summary>The code of the close event, once it was read.</summary>
    public int? Closed { get; private set; }

    /// <summary>A client that has no connection yet.</summary>
    public static PollClient At(GatewayHost host) => new(host);

    /// <summary>A client with a connection that has said nothing yet.</summary>
    public static async Task<PollClient> OpenAsync(GatewayHost host)
    {
        var client = new PollClient(host);
        using var response = await client.OpenAsync();
        Assert.Equal(HttpStatusCode.Created, response.StatusCode);
        using var body = JsonDocument.Parse(await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
        client.Key = body.RootElement.GetProperty("key").GetString()!;
        return client;
    }

    /// <summary>A client that has been welcomed.</summary>
    public static async Task<PollClient> GreetAsync(GatewayHost host, ulong clientId = 1)
    {
        var client = await OpenAsync(host);
        await client.SendAsync(Messages.Hello(clientId));
        Assert.NotNull((await client.ReceiveAsync()).Welcome);
        return client;
    }

    /// <summary>Opens a document.</summary>
    /// <returns>The session that the gateway has made for it.</returns>
    public async Task<FakeSession> OpenDocumentAsync(GatewayHost host)
    {
        await SendAsync(Messages.Open("doc"));
        var session = await host.Documents.NextSessionAsync();
        await ReceiveAsync(ServerMessage.BodyOneofCase.Opened);
        return session;
    }

    public Task<HttpResponseMessage> OpenAsync() => RequestAsync(HttpMethod.Post, "");

    public async Task<HttpResponseMessage> RequestAsync(
        HttpMethod method, string path, HttpContent? content = null, params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(method, new Uri(Root + path)) { Content = content };
        foreach (var (name, value) in Headers.Select(static header => (header.Key, header.Value)).Concat(headers))
            request.Headers.TryAddWithoutValidation(name, value);
        return await _http.SendAsync(
            request, HttpCompletionOption.ResponseHeadersRead, TestContext.Current.CancellationToken);
    }

    /// <summary>Posts a frame with a number; the status of the answer.</summary>
    public async Task<HttpStatusCode> PostAsync(long number, byte[] frame)
    {
        using var content = new ByteArrayContent(frame);
        using var response = await RequestAsync(
            HttpMethod.Post, "/" + Key, content, ("CloudSync-Frame", Text(number)));
        return response.StatusCode;
    }

    /// <summary>Posts the next frame, which must be taken.</summary>
    public async Task SendAsync(params ClientMessage[] messages) =>
        Assert.Equal(HttpStatusCode.NoContent, await PostAsync(++_frames, Messages.Frame(messages).ToByteArray()));

    /// <summary>Asks without waiting for what is answered.</summary>
    public Task<HttpResponseMessage> AskAsync(long after) => RequestAsync(HttpMethod.Get, $"/{Key}?after={Text(after)}");

    /// <summary>A poll that is a stream, behind what was read.</summary>
    public async Task<PollStream> StreamAsync()
    {
        var response = await RequestAsync(
            HttpMethod.Get, $"/{Key}?after={Text(After)}", null, ("Accept", "text/event-stream"));
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        return new PollStream(
            this, response, new StreamReader(await response.Content.ReadAsStreamAsync(TestContext.Current.CancellationToken)));
    }

    /// <summary>Says what was read; the status of the answer.</summary>
    public async Task<HttpStatusCode> AcknowledgeAsync()
    {
        using var response = await RequestAsync(HttpMethod.Post, "/" + Key, null, ("CloudSync-Received", Text(After)));
        return response.StatusCode;
    }

    /// <summary>A message that was read already.</summary>
    public bool TryTake([NotNullWhen(true)] out ServerMessage? message) => _received.TryDequeue(out message);

    /// <summary>A single poll.</summary>
    public async Task<List<PollEvent>> PollAsync(long after)
    {
        using var response = await AskAsync(after);
        Assert.True(response.IsSuccessStatusCode, $"{response.StatusCode}");
        return Parse(await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
    }

    /// <summary>The next message, by as many polls as that takes; fails if the connection is closed instead.</summary>
    public async Task<ServerMessage> ReceiveAsync()
    {
        while (_received.Count == 0)
        {
            Assert.Null(Closed);
            Take(await PollAsync(After));
        }

        return _received.Dequeue();
    }

    /// <summary>The next message of a kind; the others before it are dropped.</summary>
    public async Task<ServerMessage> ReceiveAsync(ServerMessage.BodyOneofCase body)
    {
        while (true)
        {
            var message = await ReceiveAsync();
            if (message.BodyCase == body)
                return message;
        }
    }

    /// <summary>The next messages, which must be so many commits in a row, the first of them made on a version.</summary>
    public async Task ReceiveCommittedAsync(ulong baseVersion, ulong count)
    {
        for (var version = baseVersion; version < baseVersion + count; version++)
            Assert.Equal(version, (await ReceiveAsync()).Committed.BaseVersion);
    }

    /// <summary>Polls until the connection is closed; the close code.</summary>
    public async Task<int> ReceiveCloseAsync()
    {
        while (Closed is null)
            Take(await PollAsync(After));
        return Closed.Value;
    }

    /// <summary>Takes over what a poll was answered with.</summary>
    public void Take(IEnumerable<PollEvent> events)
    {
        foreach (var (name, id, data) in events)
        {
            if (name == "close")
            {
                Closed = int.Parse(data.Split(' ')[0], CultureInfo.InvariantCulture);
                return;
            }

            Assert.Equal(After + 1, id);
            After = id;
            _pieces.Write(Convert.FromBase64String(data));
            if (name != "message")
                continue;
            foreach (var message in ServerFrame.Parser.ParseFrom(_pieces.ToArray()).Messages)
                _received.Enqueue(message);
            _pieces.SetLength(0);
        }
    }

    /// <summary>Proves that the connection still lives, and that everything sent before was handled.</summary>
    public async Task PingAsync()
    {
        await SendAsync(Messages.Ping);
        await ReceiveAsync(ServerMessage.BodyOneofCase.Pong);
    }

    /// <summary>The whole events of a text.</summary>
    public static List<PollEvent> Parse(string text)
    {
        var events = new List<PollEvent>();
        foreach (var block in text.Split("\n\n").SkipLast(1))
        {
            var fields = block.Split('\n').Select(static line => line.Split(": ", 2)).Where(static field => field[0].Length > 0 && field[0][0] != ':')
                .ToDictionary(static field => field[0], static field => field[1]);
            if (fields.Count > 0)
                events.Add(new PollEvent(
                    fields.GetValueOrDefault("event", "message"),
                    long.Parse(fields.GetValueOrDefault("id", "0"), CultureInfo.InvariantCulture), fields["data"]));
        }

        return events;
    }

    public ValueTask DisposeAsync()
    {
        _http.Dispose();
        _pieces.Dispose();
        return ValueTask.CompletedTask;
    }

    private static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);
}
