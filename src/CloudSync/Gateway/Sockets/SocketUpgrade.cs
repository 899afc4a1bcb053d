// An upgrade below HTTP's machinery: the request is read here, goes through the application like any other (its middleware, its
// authentication, CloudSync's endpoint), and what is left when the endpoint has accepted is a TcpWebSocket and nothing else.

using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Net.Sockets;
using System.Net.WebSockets;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using BadRequest = Microsoft.AspNetCore.Http.BadHttpRequestException;

namespace CloudSync.Gateway.Sockets;

[SuppressMessage("Design", "CA1001", Justification = "The WebSocket is the connection's, or its socket is disposed.")]
internal sealed class SocketUpgrade(Socket socket, SocketUpgrades upgrades) : IHttpWebSocketFeature
{
    // As Kestrel's: MaxRequestLineSize and MaxRequestHeadersTotalSize are 8 and 32 KiB. A browser with many cookies has a few.
    private const int RequestBytes = 32 * 1024;
    private const int FirstBytes = 2048;

    private byte[] _buffer = ArrayPool<byte>.Shared.Rent(FirstBytes);
    private UpgradeRequest? _request;
    private UpgradeResponse? _response;
    private TcpWebSocket? _webSocket;
    private Action? _serve;

    public bool IsWebSocketRequest => _request!.IsWebSocketRequest;

    /// <summary>Reads the request and answers it. The socket is somebody else's when this has ended.</summary>
    /// <param name="place">It leaves its place when the request is there.</param>
    public async Task RunAsync(SilentSockets.Place place)
    {
        try
        {
            int count;
            try
            {
                count = await ReadAsync();
                place.Leave();
                _request = UpgradeRequest.Parse(_buffer.AsMemory(0, count), socket);
            }
            catch (BadRequest bad)
            {
                upgrades.Gateway.Metrics.UpgradeRefused("bad request");
                await UpgradeResponse.SendAsync(socket, bad.StatusCode, bad.Message);
                return;
            }

            // In a storm there are thousands of these: the application needn't hear of them.
            if (!_request.IsOfPage && upgrades.Gateway.Admission.RefuseAnybody() is { } busy)
            {
                await UpgradeResponse.SendBusyAsync(socket, busy);
                return;
            }

            await RunApplicationAsync();
            if (_webSocket is null)
                await _response!.SendAsync(socket);
            else
                _webSocket.Unread(_buffer.AsSpan(_request.Length, count - _request.Length));
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(_buffer);
            if (_serve is null)
                socket.Dispose();
        }

        // Nothing of the request shall live as long as the connection: no captured context either.
        if (_serve is not null)
            ThreadPool.UnsafeQueueUserWorkItem(static serve => serve(), _serve, preferLocal: false);
    }

    /// <summary>Called by the endpoint.</summary>
    public async Task<WebSocket> AcceptAsync(WebSocketAcceptContext context)
    {
        if (_webSocket is not null)
            throw new InvalidOperationException("The request has been upgraded already.");
        await _response!.SendUpgradeAsync(socket, _request!.Key);
        return _webSocket = new TcpWebSocket(socket);
    }

    /// <summary>What is to run when the request has been forgotten. By the endpoint, after it has accepted.</summary>
    public void ServeWhenForgotten(Action serve) => _serve = serve;

    private async Task RunApplicationAsync()
    {
        _response = new UpgradeResponse();
        var features = _request!.CreateFeatures(_response);
        features.Set<IHttpWebSocketFeature>(this);
        try
        {
            await upgrades.RunAsync(features);
        }
        catch (Exception exception) when (exception is not BadRequest)
        {
            GatewayLog.UpgradeBroke(upgrades.Gateway.Log, exception);
            _response.Fail();
        }
        finally
        {
            await _response.CompleteAsync();
        }
    }

    // How many bytes there are in _buffer: the request, and perhaps what the client sent behind it already.
    private async Task<int> ReadAsync()
    {
        for (var count = 0; ;)
        {
            if (count == _buffer.Length)
                Grow();
            var received = await socket.ReceiveAsync(_buffer.AsMemory(count), SocketFlags.None);
            if (received == 0)
                throw new SocketException((int)SocketError.ConnectionReset);
            // The end may have begun in what was there before.
            var from = Math.Max(0, count - 3);
            count += received;
            if (_buffer.AsSpan(from, count - from).IndexOf("\r\n\r\n"u8) >= 0)
                return count;
        }
    }

    private void Grow()
    {
        if (_buffer.Length >= RequestBytes)
        {
            throw new BadRequest(
                $"The request's headers are over {RequestBytes} bytes.", StatusCodes.Status431RequestHeaderFieldsTooLarge);
        }

        var grown = ArrayPool<byte>.Shared.Rent(_buffer.Length * 2);
        _buffer.CopyTo(grown, 0);
        ArrayPool<byte>.Shared.Return(_buffer);
        _buffer = grown;
    }
}
