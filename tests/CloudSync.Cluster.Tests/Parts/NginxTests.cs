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

        public void Dispose() => _listener.Close();

        private async Task OpenAsync()
        {
            try
            {
                while (true)
                {
                    var context = await _listener.GetContextAsync();
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
