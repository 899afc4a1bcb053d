// Connections that are taken over from Kestrel: requests go through the application as they always do, whatever is not for us
// is Kestrel's, and a request that is none, or never ends, harms nobody.

using System.Net;
using System.Net.Http.Json;
using System.Net.Sockets;
using System.Security.Claims;
using System.Text;
using CloudSync.Gateway;
using CloudSync.Gateway.Sockets;
using CloudSync.Protocol.V1;
using Google.Protobuf;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace CloudSync.Tests.Gateway;

public sealed class SocketUpgradeTests
{
    private const string Upgrade =
        "GET /sync?document=plan HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n"
        + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

    private static readonly Dictionary<string, (string Request, int Status)> Refused = new()
    {
        ["no WebSocket"] = ("GET /sync HTTP/1.1\r\nHost: x\r\n\r\n", 426),
        ["another version"] = (Upgrade.Replace("13", "12") + "\r\n", 426),
        ["a key that is none"] = (Upgrade.Replace("dGhl", "dGh") + "\r\n", 426),
        ["HTTP 1.0"] = (Upgrade.Replace("HTTP/1.1", "HTTP/1.0") + "\r\n", 426),
        ["no host"] = (Upgrade.Replace("Host: x\r\n", "") + "\r\n", 400),
        ["two hosts"] = (Upgrade + "Host: y\r\n\r\n", 400),
        ["a body"] = (Upgrade + "Content-Length: 5\r\n\r\nhello", 400),
        ["chunks"] = (Upgrade + "Transfer-Encoding: chunked\r\n\r\n", 400),
        ["a header without a colon"] = (Upgrade + "nonsense\r\n\r\n", 400),
        ["a control character"] = (Upgrade + "X-A: a\u0001b\r\n\r\n", 400),
        ["no version of HTTP"] = ("GET /sync\r\n\r\n", 400),
        ["too many headers"] = (Upgrade + string.Concat(Enumerable.Range(0, 100).Select(static i => $"X-{i}: 1\r\n")) + "\r\n", 431),
        ["headers too long"] = (Upgrade + "X-A: " + new string('a', 40_000) + "\r\n\r\n", 431),
        ["another page's origin"] = (Upgrade + "Origin: https://evil.example\r\n\r\n", 403),
    };

    public static TheoryData<string> RefusedNames => [.. Refused.Keys];

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [MemberData(nameof(RefusedNames))]
    public async Task A_request_that_is_refused_has_its_status_and_the_connection_ends(string name)
    {
        var (request, status) = Refused[name];
        await using var host = await GatewayHost.StartAsync(sockets: true);
        await using var neighbour = await host.GreetAsync(2);
        var answer = await AskAsync(host, request);
        Assert.StartsWith($"HTTP/1.1 {status} ", answer, StringComparison.Ordinal);
        Assert.Contains("Connection: close\r\n", answer, StringComparison.OrdinalIgnoreCase);
        await neighbour.PingAsync();
        Assert.Equal(1, host.App.Services.GetRequiredService<ConnectionTable>().Count);
    }

    [Fact]
    public async Task A_request_in_two_halves_with_frames_right_behind_it_is_served()
    {
        await using var host = await GatewayHost.StartAsync(sockets: true);
        using var socket = await ConnectAsync(host);
        await socket.SendAsync(Encoding.ASCII.GetBytes(Upgrade[..60]), Cancellation);
        var hello = Messages.Frame(Messages.Hello()).ToByteArray();
        byte[] frame = [0x82, (byte)(0x80 | hello.Length), 0, 0, 0, 0, .. hello];
        await socket.SendAsync((byte[])[.. Encoding.ASCII.GetBytes(Upgrade[60..] + "\r\n"), .. frame], Cancellation);
        var stream = new MemoryStream();
        var buffer = new byte[4096];
        // The answer of RFC 6455's own example, and then Welcome.
        while (true)
        {
            stream.Write(buffer, 0, await socket.ReceiveAsync(buffer, Cancellation));
            var text = Encoding.Latin1.GetString(stream.ToArray());
            var end = text.IndexOf("\r\n\r\n", StringComparison.Ordinal) + 4;
            if (end < 4 || stream.Length < end + 2 || stream.Length < end + 2 + stream.ToArray()[end + 1])
                continue;
            Assert.StartsWith("HTTP/1.1 101 Switching Protocols\r\n", text, StringComparison.Ordinal);
            Assert.Contains("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n", text, StringComparison.Ordinal);
            Assert.NotNull(ServerFrame.Parser.ParseFrom(stream.ToArray().AsSpan(end + 2)).Messages[0].Welcome);
            return;
        }
    }

    [Fact]
    public async Task What_is_not_for_us_is_Kestrels()
    {
        await using var host = await GatewayHost.StartAsync(sockets: true, app: app =>
        {
            app.MapPost("/echo", async (HttpRequest request) => await new StreamReader(request.Body).ReadToEndAsync());
            app.MapGet("/synchronous", () => "other");
        });
        using var client = new HttpClient { BaseAddress = new Uri($"http://{host.EndPoint}") };
        Assert.Equal("other", await client.GetStringAsync(new Uri("/synchronous", UriKind.Relative), Cancellation));
        var answer = await client.PostAsJsonAsync("/echo", new string('a', 1_000_000), Cancellation);
        Assert.Equal(1_000_002, (await answer.Content.ReadAsStringAsync(Cancellation)).Length);
        // The first byte alone says nothing.
        using var socket = await ConnectAsync(host);
        await socket.SendAsync("G"u8.ToArray(), Cancellation);
        await socket.SendAsync("ET /synchronous HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"u8.ToArray(), Cancellation);
        Assert.EndsWith("other\r\n0\r\n\r\n", await ReadAllAsync(socket), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_applications_middleware_sees_the_request_and_has_its_say()
    {
        await using var host = await GatewayHost.StartAsync(sockets: true, app: static app => app.Use(static async (context, next) =>
        {
            if (context.Request.Headers["X-Secret"] != "s3cret")
            {
                context.Response.StatusCode = 401;
                await context.Response.WriteAsync("Who are you?", context.RequestAborted);
                return;
            }

            Assert.Equal(IPAddress.Loopback, context.Connection.RemoteIpAddress);
            Assert.Equal(("/sync", "?document=plan"), (context.Request.Path.Value, context.Request.QueryString.Value));
            context.User = new ClaimsPrincipal(new ClaimsIdentity([new(ClaimTypes.NameIdentifier, "u-7")], "test", null, null));
            context.Response.OnStarting(static state =>
            {
                ((HttpContext)state).Response.Headers["X-Was"] = "here";
                return Task.CompletedTask;
            }, context);
            await next(context);
        }));
        var refused = await AskAsync(host, Upgrade + "\r\n");
        Assert.StartsWith("HTTP/1.1 401 Unauthorized\r\n", refused, StringComparison.Ordinal);
        Assert.EndsWith("\r\n\r\nWho are you?", refused, StringComparison.Ordinal);
        using var socket = await ConnectAsync(host);
        await socket.SendAsync(Encoding.ASCII.GetBytes(Upgrade + "X-Secret: s3cret\r\n\r\n"), Cancellation);
        var buffer = new byte[4096];
        var count = await socket.ReceiveAsync(buffer, Cancellation);
        Assert.Contains("X-Was: here\r\n", Encoding.ASCII.GetString(buffer, 0, count), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Middleware_that_throws_is_an_error_of_the_server_and_nobody_elses()
    {
        await using var host = await GatewayHost.StartAsync(sockets: true, app: static app => app.Use(static (context, next) =>
            context.Request.Headers.ContainsKey("X-Break") ? throw new InvalidOperationException("broken") : next(context)));
        await using var neighbour = await host.GreetAsync(2);
        Assert.StartsWith("HTTP/1.1 500 ", await AskAsync(host, Upgrade + "X-Break: 1\r\n\r\n"), StringComparison.Ordinal);
        await neighbour.PingAsync();
    }

    [Theory]
    [InlineData("")]
    [InlineData("GET /sync HTTP/1.1\r\nHost: x\r\n")]
    public async Task Whoever_does_not_finish_the_request_in_time_is_dropped_and_a_neighbour_is_not(string begun)
    {
        var time = new FakeTimeProvider();
        await using var host = await GatewayHost.StartAsync(sockets: true, time: time);
        await using var neighbour = await host.GreetAsync(2);
        using var socket = await ConnectAsync(host);
        await socket.SendAsync(Encoding.ASCII.GetBytes(begun), Cancellation);
        // Accepted later, it counts from then.
        var dropped = ReadAllAsync(socket);
        while (!dropped.IsCompleted)
        {
            time.Advance(TimeSpan.FromSeconds(3));
            await neighbour.PingAsync();
        }

        Assert.Equal("", await dropped);
    }

    [Fact]
    public async Task Of_too_many_that_say_nothing_the_oldest_is_dropped()
    {
        await using var host = await GatewayHost.StartAsync(sockets: true, time: new FakeTimeProvider());
        var sockets = new List<Socket>();
        try
        {
            for (var i = 0; i < SilentSockets.AtOnce + 1; i++)
                sockets.Add(await ConnectAsync(host));
            Assert.Equal("", await ReadAllAsync(sockets[0]));
            await using var client = await host.GreetAsync();
            await client.PingAsync();
        }
        finally
        {
            sockets.ForEach(static socket => socket.Dispose());
        }
    }

    [Fact]
    public async Task A_program_that_comes_too_soon_is_told_when_to_come_again_and_the_application_hears_nothing_of_it()
    {
        var requests = 0;
        await using var host = await GatewayHost.StartAsync(
            options => options.Limits.ConnectionsPerSecond = 1, new FakeTimeProvider(), sockets: true,
            app: app => app.Use((context, next) =>
            {
                Interlocked.Increment(ref requests);
                return next(context);
            }));
        await using var client = await host.GreetAsync();
        var answer = await AskAsync(host, Upgrade + "\r\n");
        Assert.StartsWith("HTTP/1.1 503 Service Unavailable\r\n", answer, StringComparison.Ordinal);
        Assert.Matches(@"\r\nCloudSync-Retry-After-Ms: [1-9]\d+\r\n", answer);
        Assert.Contains("at most 1 connections a second", answer, StringComparison.Ordinal);
        Assert.Equal(1, requests);
        await client.PingAsync();
    }

    [Fact]
    public async Task A_mapped_path_within_a_group_is_taken_over_too()
    {
        await using var host = await GatewayHost.StartAsync(sockets: true, app: static app => app.MapGroup("/api/v1").MapCloudSync("live"));
        var answer = await AskAsync(host, Upgrade.Replace("/sync", "/api/v1/live").Replace("13", "12") + "\r\n");
        // Kestrel would have answered with a date.
        Assert.StartsWith("HTTP/1.1 426 ", answer, StringComparison.Ordinal);
        Assert.DoesNotContain("Date:", answer, StringComparison.Ordinal);
    }

    private static async Task<Socket> ConnectAsync(GatewayHost host)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await socket.ConnectAsync(host.EndPoint, Cancellation);
        return socket;
    }

    private static async Task<string> AskAsync(GatewayHost host, string request)
    {
        using var socket = await ConnectAsync(host);
        await socket.SendAsync(Encoding.UTF8.GetBytes(request), Cancellation);
        return await ReadAllAsync(socket);
    }

    private static async Task<string> ReadAllAsync(Socket socket)
    {
        var bytes = new MemoryStream();
        var buffer = new byte[4096];
        try
        {
            while (await socket.ReceiveAsync(buffer, Cancellation) is > 0 and var count)
                bytes.Write(buffer, 0, count);
        }
        catch (SocketException)
        {
            // Reset: it ended as well.
        }

        return Encoding.UTF8.GetString(bytes.ToArray());
    }
}
