// What the application answers to an upgrade: 101 with its headers, or a refusal with a small body, after which the connection
// is closed.

using System.Diagnostics.CodeAnalysis;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.WebUtilities;

namespace CloudSync.Gateway.Sockets;

[SuppressMessage("Design", "CA1001", Justification = "A MemoryStream holds nothing but memory.")]
internal sealed class UpgradeResponse : HttpResponseFeature
{
    // RFC 6455, 1.3.
    private const string AcceptGuid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

    private readonly MemoryStream _body = new();
    private readonly Stack<(Func<object, Task> Callback, object State)> _onStarting = new();
    private readonly Stack<(Func<object, Task> Callback, object State)> _onCompleted = new();
    private bool _started;

    public UpgradeResponse() => BodyFeature = new StreamResponseBodyFeature(_body);

    /// <summary>Where the application writes what it has to say instead.</summary>
    public IHttpResponseBodyFeature BodyFeature { get; }

    public override bool HasStarted => _started;

    public override void OnStarting(Func<object, Task> callback, object state) => _onStarting.Push((callback, state));

    public override void OnCompleted(Func<object, Task> callback, object state) => _onCompleted.Push((callback, state));

    /// <summary>The application broke.</summary>
    public void Fail()
    {
        Headers.Clear();
        _body.SetLength(0);
        StatusCode = StatusCodes.Status500InternalServerError;
    }

    /// <summary>Runs what the application wanted to have run at the end.</summary>
    public async Task CompleteAsync()
    {
        while (_onCompleted.TryPop(out var next))
            await next.Callback(next.State);
    }

    /// <summary>Says yes.</summary>
    public async Task SendUpgradeAsync(Socket socket, string key)
    {
        await StartAsync();
#pragma warning disable CA5350 // It proves nothing but that we read the request; RFC 6455 demands it.
        var accept = Convert.ToBase64String(SHA1.HashData(Encoding.ASCII.GetBytes(key + AcceptGuid)));
#pragma warning restore CA5350
        Headers.Connection = "Upgrade";
        Headers.Upgrade = "websocket";
        Headers.SecWebSocketAccept = accept;
        StatusCode = StatusCodes.Status101SwitchingProtocols;
        await SendAllAsync(socket, Head());
    }

    /// <summary>Says what the application has to say instead; nothing follows on the connection.</summary>
    public async Task SendAsync(Socket socket)
    {
        await StartAsync();
        Headers.Connection = "close";
        Headers.ContentLength = _body.Length;
        byte[] bytes = [.. Head(), .. _body.ToArray()];
        await SendAllAsync(socket, bytes);
        socket.Shutdown(SocketShutdown.Send);
    }

    /// <summary>Says when to come again, as the endpoint does.</summary>
    public static async Task SendBusyAsync(Socket socket, ConnectionRefusal refusal)
    {
        await SendAllAsync(socket, Encoding.ASCII.GetBytes(
            $"HTTP/1.1 503 Service Unavailable\r\nRetry-After: {refusal.RetryAfterSeconds}\r\n{ConnectionRefusal.RetryAfterMsHeader}: {refusal.RetryAfterMs}\r\n"
            + $"Content-Type: text/plain; charset=utf-8\r\nContent-Length: {refusal.Refusal.Message.Length + 1}\r\nConnection: close\r\n\r\n{refusal.Refusal.Message}\n"));
        socket.Shutdown(SocketShutdown.Send);
    }

    /// <summary>Says no before there was a request for the application.</summary>
    public static Task SendAsync(Socket socket, int status, string text)
    {
        var response = new UpgradeResponse { StatusCode = status };
        response.Headers.ContentType = "text/plain; charset=utf-8";
        response._body.Write(Encoding.UTF8.GetBytes(text + "\n"));
        return response.SendAsync(socket);
    }

    private async Task StartAsync()
    {
        while (_onStarting.TryPop(out var next))
            await next.Callback(next.State);
        _started = true;
    }

    private byte[] Head()
    {
        var head = new StringBuilder();
        head.Append(System.Globalization.CultureInfo.InvariantCulture, $"HTTP/1.1 {StatusCode} {ReasonPhrases.GetReasonPhrase(StatusCode)}\r\n");
        foreach (var (name, values) in Headers)
        {
            foreach (var value in values)
                head.Append(name).Append(": ").Append(value).Append("\r\n");
        }

        return Encoding.UTF8.GetBytes(head.Append("\r\n").ToString());
    }

    private static async Task SendAllAsync(Socket socket, ReadOnlyMemory<byte> bytes)
    {
        while (!bytes.IsEmpty)
            bytes = bytes[await socket.SendAsync(bytes, SocketFlags.None)..];
    }
}
