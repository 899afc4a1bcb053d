// Everything a hostile client can do, done by eight of them as fast as they can, while two people edit a document beside them: not
// one of their edits is lost or refused, and each attack is told what is wrong. How long the edits took is in the test's output.

using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Net.WebSockets;
using System.Text;
using CloudSync.Documents;
using CloudSync.Protocol.V1;
using Google.Protobuf;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace CloudSync.Tests.Gateway;

public sealed class NeighbourTests(ITestOutputHelper log)
{
    private const int Attackers = 8;
    private const int Edits = 60;

    private const string Upgrade =
        "GET /sync HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

    // What anybody may be told while so many come.
    private const string Busy = "busy";

    // Each does it once, and returns what it was told.
    private static readonly Dictionary<string, (string Told, Func<GatewayHost, Task<string>> Attack)> Attacks = new()
    {
        ["garbage instead of HTTP"] = ("400", static host => AskAsync(host, new string('\u0001', 500) + "\r\n\r\n")),
        ["a request without end"] = ("431", static host => AskAsync(host, Upgrade[..^2] + "X: " + new string('a', 40_000))),
        ["a request that is broken off"] = ("", BreakOffAsync),
        ["a frame that says it is compressed"] = ("close 1002", static host => SendFramesAsync(host, 1, static _ => Frame(0xC2, 10))),
        ["a message within a message"] = ("close 1002", static host => SendFramesAsync(host, 2, static _ => Frame(0x02, 10))),
        ["a frame of an exabyte"] = ("close 4102", static host => SendFramesAsync(
            host, 300, static i => i == 0 ? [0x82, 0xFF, 0x10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0] : new byte[4_096])),
        ["pings without end"] = ("close 1008", static host => SendFramesAsync(host, 1_000, static _ => Frame(0x89, 100))),
        ["empty pieces without end"] = ("close 1008", static host => SendFramesAsync(host, 10_000, static i => Frame(i == 0 ? 0x02 : 0x00, 0))),
        ["bytes that are no message"] = ("close 4100", static host => SendFramesAsync(host, 1, static _ => Frame(0x82, 100))),
        ["connections that are opened and closed"] = ("Opened", static host => OpenAsync(host, "doc")),
        ["documents that there are not, by the hundred"] = ("DocumentNotFound", static host => OpenAsync(
            host, [.. Enumerable.Range(0, 200).Select(static _ => Guid.NewGuid().ToString("N"))])),
        ["a poller with a forged key"] = ("404", static host => AskAsync(
            host, $"GET /sync/polling/{Guid.NewGuid():N} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")),
    };

    public static TheoryData<string> Names => [.. Attacks.Keys];

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [MemberData(nameof(Names))]
    public async Task Two_people_edit_beside_it(string attack)
    {
        using var directory = new TemporaryDirectory();
        await using var host = await GatewayHost.StartAsync(
            sockets: true, documents: false, services: cloudSync => cloudSync.UseSqlite(Path.Combine(directory.Path, "log.db")));
        await host.App.Services.GetRequiredService<DocumentService>()
            .CreateAsync("doc", "text", "", "", ReadOnlyMemory<byte>.Empty, Cancellation);
        await using var writer = await host.GreetAsync(1);
        await using var watcher = await host.GreetAsync(2);
        foreach (var client in new[] { writer, watcher })
        {
            await client.SendAsync(Messages.Open("doc"));
            await client.ReceiveAsync(ServerMessage.BodyOneofCase.Opened);
        }

        var calm = await EditAsync(writer, watcher, 0);
        using var over = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        var attacking = Enumerable.Range(0, Attackers).Select(_ => Task.Run(() => AttackAsync(host, attack, over.Token))).ToArray();
        var attacked = await EditAsync(writer, watcher, Edits);
        await over.CancelAsync();
        var attacks = (await Task.WhenAll(attacking)).Sum();
        log.WriteLine($"{attack}: {attacks} attacks. From an edit to the other screen: p50 {attacked[Edits / 2]:0.0} ms, at most {attacked[^1]:0.0} ms; alone {calm[Edits / 2]:0.0} and {calm[^1]:0.0} ms.");
        Assert.True(attacks > 0);
        Assert.Equal(2 * Edits, (await host.App.Services.GetRequiredService<DocumentService>().GetAsync("doc", Cancellation)).Head);
    }

    // Again and again, and at least once. How often.
    private static async Task<int> AttackAsync(GatewayHost host, string attack, CancellationToken over)
    {
        var (expected, attackAsync) = Attacks[attack];
        var count = 0;
        do
        {
            var told = await attackAsync(host);
            Assert.Equal(expected, told == Busy ? expected : told);
            count++;
        }
        while (!over.IsCancellationRequested);

        return count;
    }

    // Milliseconds of each edit, in order of size.
    private static async Task<double[]> EditAsync(WireClient writer, WireClient watcher, int before)
    {
        var took = new double[Edits];
        for (var i = 0; i < Edits; i++)
        {
            var began = Stopwatch.GetTimestamp();
            await writer.SendAsync(Messages.Submit("doc", (ulong)(before + i), (ulong)(before + i + 1), 0x0A, (byte)'x'));
            var seen = (await watcher.ReceiveAsync(ServerMessage.BodyOneofCase.Committed)).Committed;
            took[i] = Stopwatch.GetElapsedTime(began).TotalMilliseconds;
            Assert.Equal((ulong)(before + i), seen.BaseVersion);
            await writer.ReceiveAsync(ServerMessage.BodyOneofCase.Committed);
        }

        Array.Sort(took);
        return took;
    }

    private static async Task<string> BreakOffAsync(GatewayHost host)
    {
        using var socket = await ConnectAsync(host);
        await socket.SendAsync(Encoding.ASCII.GetBytes(Upgrade[..Random.Shared.Next(Upgrade.Length)]), Cancellation);
        socket.Close(0);
        return "";
    }

    private static async Task<string> OpenAsync(GatewayHost host, params string[] documents)
    {
        try
        {
            await using var client = await host.GreetAsync((ulong)Random.Shared.NextInt64(1, long.MaxValue));
            await client.SendAsync([.. documents.Select(static id => Messages.Open(id))]);
            var told = Busy;
            for (var i = 0; i < documents.Length; i++)
            {
                var answer = await client.ReceiveAsync();
                if (answer.Error?.Code != ErrorCode.GatewayBusy)
                    told = answer.Error?.Code.ToString() ?? answer.BodyCase.ToString();
            }

            return told;
        }
        catch (WebSocketException exception) when (exception.Message.Contains("503", StringComparison.Ordinal))
        {
            return Busy;
        }
    }

    private static async Task<string> AskAsync(GatewayHost host, string request)
    {
        using var socket = await ConnectAsync(host);
        var answer = await TalkAsync(socket, [Encoding.ASCII.GetBytes(request)]);
        return Encoding.ASCII.GetString(answer).Split(' ') is [_, var status, ..] ? status == "503" ? Busy : status : "";
    }

    private static async Task<string> SendFramesAsync(GatewayHost host, int count, Func<int, byte[]> frame)
    {
        using var socket = await ConnectAsync(host);
        var answer = await TalkAsync(
            socket, Enumerable.Range(0, count).Chunk(100).Select(some => (byte[])[.. some.SelectMany(frame)]).Prepend(Encoding.ASCII.GetBytes(Upgrade)));
        if (answer.AsSpan().StartsWith("HTTP/1.1 503"u8))
            return Busy;
        for (var at = answer.AsSpan().IndexOf("\r\n\r\n"u8) + 4; at + 3 < answer.Length;)
        {
            if (answer[at] == 0x88)
                return $"close {(answer[at + 2] << 8) | answer[at + 3]}";
            // Short ones only: errors.
            at += answer[at + 1] < 126 ? 2 + answer[at + 1] : 4 + (answer[at + 2] << 8) + answer[at + 3];
        }

        return "nothing";
    }

    // Sends for as long as the other side takes it, and reads all that it says.
    private static async Task<byte[]> TalkAsync(Socket socket, IEnumerable<byte[]> pieces)
    {
        var reading = ReadAllAsync(socket);
        try
        {
            foreach (var piece in pieces)
                await socket.SendAsync(piece, Cancellation);
        }
        catch (SocketException)
        {
            // It has heard enough.
        }

        return await reading;
    }

    private static async Task<byte[]> ReadAllAsync(Socket socket)
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
            // Reset, since what was sent was not all read.
        }

        return bytes.ToArray();
    }

    private static async Task<Socket> ConnectAsync(GatewayHost host)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await socket.ConnectAsync(host.EndPoint, Cancellation);
        return socket;
    }

    private static byte[] Frame(int first, int length) =>
        [(byte)first, (byte)(0x80 | length), 0, 0, 0, 0, .. Enumerable.Repeat((byte)0xFF, length)];
}
