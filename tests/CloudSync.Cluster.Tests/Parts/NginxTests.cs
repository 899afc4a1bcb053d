// What NGINX makes of gateways that say no for a while.

using System.Collections.Concurrent;
using System.Net;
using System.Net.WebSockets;
using CloudSync.Cluster.Parts;
using Xunit;

namespace CloudSync.Cluster.Tests.Parts;

public sealed class NginxTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("cloudsync-test-");

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Delete(recursive: true);

    // It counts a WebSocket as a success when it ends. So a gateway that it had left out for some refusals was tried with one connection
    // every two seconds, however many waited, until one of them had ended.
    [Fact]
    public async Task Everybody_gets_in_at_once_when_gateways_that_have_refused_take_connections_again()
    {
        using Doorkeeper one = new(), another = new();
        var settings = new NginxSettings(_folder.FullName, ServerProcess.FreePort(), ServerProcess.FreePort(), "/nowhere", Detached: false);
        var nginx = await NginxServer.StartAsync(settings, [one.Port, another.Port], Cancellation);
        try
        {
            one.Refuses = another.Refuses = true;
            for (var i = 0; i < 10; i++)
                await Assert.ThrowsAsync<WebSocketException>(() => ConnectAsync(settings.Port, i));
            one.Refuses = another.Refuses = false;

            var sockets = await Task.WhenAll(Enumerable.Range(0, 40).Select(i => ConnectAsync(settings.Port, i)));
            Assert.All(sockets, static socket => Assert.Equal(WebSocketState.Open, socket.State));
            Assert.True(one.Count > 0);
            Assert.True(another.Count > 0);
            foreach (var socket in sockets)
                socket.Dispose();
        }
        finally
        {
            await nginx.Process.KillAsync();
            await ServerProcess.EndAllAsync(NginxServer.Name, settings.Folder);
        }
    }

    // The gateway to which the document leads still stood there, and knew nothing of a connection that another one had taken in its place:
    // whoever has no WebSockets was without a connection for as long as a gateway takes to stop.
    [Fact]
    public async Task A_connection_without_a_websocket_is_found_where_it_was_opened_while_its_document_leads_to_a_gateway_that_stops()
    {
        using Doorkeeper one = new(), another = new();
        var settings = new NginxSettings(_folder.FullName, ServerProcess.FreePort(), ServerProcess.FreePort(), "/nowhere", Detached: false);
        var nginx = await NginxServer.StartAsync(settings, [one.Port, another.Port], Cancellation);
        try
        {
            one.Refuses = true;
            using var http = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{settings.Port}") };
            // Of so many documents each gateway has some.
            for (var i = 0; i < 20; i++)
            {
                var query = $"?document=d{i}";
                Assert.Equal(HttpStatusCode.Created, await AskAsync(http, HttpMethod.Post, query));
                Assert.Equal(HttpStatusCode.NoContent, await AskAsync(http, HttpMethod.Post, $"/key{query}"));
                Assert.Equal(HttpStatusCode.NoContent, await AskAsync(http, HttpMethod.Get, $"/key{query}&after=0"));
                Assert.Equal(HttpStatusCode.NoContent, await AskAsync(http, HttpMethod.Delete, $"/key{query}&code=4000"));
            }

            Assert.True(one.Asked > 0);
        }
        finally
        {
            await nginx.Process.KillAsync();
            await ServerProcess.EndAllAsync(NginxServer.Name, settings.Folder);
        }
    }

    private static async Task<HttpStatusCode> AskAsync(HttpClient http, HttpMethod method, string path)
    {
        using var request = new HttpRequestMessage(method, $"/sync/polling{path}");
        if (method == HttpMethod.Post)
            request.Content = new ByteArrayContent([1]);
        using var answer = await http.SendAsync(request, Cancellation);
        return answer.StatusCode;
    }

    private static async Task<ClientWebSocket> ConnectAsync(int port, int document)
    {
        var socket = new ClientWebSocket();
        try
        {
            await socket.ConnectAsync(new Uri($"ws://127.0.0.1:{port}/sync?document=d{document}"), Cancellation);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    // A gateway of which only the door is there.
    private sealed class Doorkeeper : IDisposable
    {
        private readonly HttpListener _listener = new();
        private readonly ConcurrentBag<HttpListenerWebSocketContext> _in = [];

        public Doorkeeper()
        {
            _listener.Prefixes.Add($"http://*:{Port}/");
            _listener.Start();
            _ = OpenAsync();
        }

        public int Port { get; } = ServerProcess.FreePort();

        public bool Refuses { get; set; }

        public int Count => _in.Count;

        /// <summary>How many requests without a WebSocket have come.</summary>
        public int Asked { get; private set; }

        public void Dispose() => _listener.Close();

        private async Task OpenAsync()
        {
            try
            {
                while (true)
                {
                    var context = await _listener.GetContextAsync();
                    if (context.Request.Url!.AbsolutePath.StartsWith("/sync/polling", StringComparison.Ordinal))
                    {
                        Asked++;
                        var opens = context.Request.Url.AbsolutePath == "/sync/polling";
                        context.Response.StatusCode = (int)(Refuses
                            ? opens ? HttpStatusCode.ServiceUnavailable : HttpStatusCode.NotFound
                            : opens ? HttpStatusCode.Created : HttpStatusCode.NoContent);
                        context.Response.Close();
                        continue;
                    }

                    if (!Refuses)
                    {
                        _in.Add(await context.AcceptWebSocketAsync(null));
                        continue;
                    }

                    context.Response.StatusCode = (int)HttpStatusCode.ServiceUnavailable;
                    context.Response.Close();
                }
            }
            catch (Exception exception) when (exception is HttpListenerException or ObjectDisposedException)
            {
                // The test is over.
            }
        }
    }
}
