// Requests of strangers for a WebSocket: read, or refused as a bad request, and never anything else.

using System.Net.Sockets;
using System.Text;
using CloudSync.Gateway.Sockets;
using CloudSync.Verification;
using Microsoft.AspNetCore.Http;

namespace CloudSync.Fuzzing.Targets;

internal sealed class UpgradeRequestTarget : IFuzzTarget
{
    private static readonly string[] _headers =
    [
        "Host: localhost:5080", "Upgrade: websocket", "Connection: keep-alive, Upgrade", "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Origin: https://app.example.org", "Cookie: a=b; c=d",
        "X-Forwarded-For: 10.0.0.1", "Content-Length: 0", "Transfer-Encoding: chunked", "User-Agent: ü",
    ];

    public string Name => "upgrade-request";

    public IEnumerable<byte[]> Seeds => Enumerable.Range(0, 40).Select(i => Make(new SeededRandom((ulong)i)));

    public IReadOnlyList<byte[]> Dictionary { get; } = [.. _headers.Select(static header => Encoding.UTF8.GetBytes(header + "\r\n"))];

    public byte[] Make(SeededRandom random)
    {
        var text = new StringBuilder("GET /sync?document=plan HTTP/1.1\r\n");
        foreach (var header in _headers)
        {
            if (random.Next(5) > 0)
                text.Append(header).Append("\r\n");
        }

        return Encoding.UTF8.GetBytes(text.Append("\r\n").ToString());
    }

    public void Run(byte[] input, FuzzTrace trace)
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        UpgradeRequest request;
        try
        {
            request = UpgradeRequest.Parse(input, socket);
        }
        catch (BadHttpRequestException exception)
        {
            trace.Add(exception.Message);
            Oracles.Holds(exception.StatusCode is (>= 400 and < 500) or 505, "it is not the client's fault", exception.StatusCode);
            return;
        }

        trace.Add(request.IsWebSocketRequest ? "upgrade" : "no upgrade");
        trace.Add("length", request.Length);
        Oracles.Holds(request.Length <= input.Length, "longer than it is", request.Length, input.Length);
        Oracles.Holds(
            input.AsSpan(0, request.Length).EndsWith("\n"u8),
            "it doesn't end where headers end", request.Length);
        // A line break in what is taken over could end up in an answer or a log.
        Oracles.Holds(request.Key.AsSpan().IndexOfAny('\r', '\n') < 0, "a key of two lines", request.Key);
    }
}
