// The request of an upgrade, read by Kestrel's parser and put into the features that an ASP.NET Core application reads.

using System.Buffers;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core.Internal.Http;
using Microsoft.Net.Http.Headers;
using BadRequest = Microsoft.AspNetCore.Http.BadHttpRequestException;
using HttpVersion = Microsoft.AspNetCore.Server.Kestrel.Core.Internal.Http.HttpVersion;

namespace CloudSync.Gateway.Sockets;

internal sealed class UpgradeRequest : IHttpRequestLineHandler, IHttpHeadersHandler
{
    // As Kestrel's MaxRequestHeaderCount.
    private const int HeaderCount = 100;
    private const int KeyBytes = 16;

    private static readonly HttpParser<UpgradeRequest> _parser = new();

    private readonly Socket _socket;
    private readonly IHeaderDictionary _headers = new HeaderDictionary();
    private int _count;
    private string _path = "";
    private string _query = "";
    private bool _isHttp11;

    private UpgradeRequest(Socket socket) => _socket = socket;

    /// <summary>How many bytes it has.</summary>
    public int Length { get; private set; }

    /// <summary>Sec-WebSocket-Key.</summary>
    public string Key => _headers.SecWebSocketKey.ToString();

    /// <summary>Whether it asks for what RFC 6455 describes.</summary>
    public bool IsWebSocketRequest => _isHttp11 && _headers.SecWebSocketVersion == "13"
        && string.Equals(_headers.Upgrade, "websocket", StringComparison.OrdinalIgnoreCase)
        && _headers.GetCommaSeparatedValues(HeaderNames.Connection).Contains("Upgrade", StringComparer.OrdinalIgnoreCase)
        && Convert.TryFromBase64String(Key, stackalloc byte[KeyBytes + 2], out var bytes) && bytes == KeyBytes;

    /// <summary>Whether a page in a browser asks, which can't read an answer in HTTP.</summary>
    public bool IsOfPage => _headers.Origin.Count > 0;

    /// <summary>Reads it.</summary>
    /// <exception cref="BadRequest">It is none; says what is wrong, and has the status to answer with.</exception>
    public static UpgradeRequest Parse(ReadOnlyMemory<byte> bytes, Socket socket)
    {
        var request = new UpgradeRequest(socket);
        var reader = new SequenceReader<byte>(new ReadOnlySequence<byte>(bytes));
        if (!_parser.ParseRequestLine(request, ref reader) || !_parser.ParseHeaders(request, ref reader))
            throw new BadRequest("The request is not whole.");
        request.Length = (int)reader.Consumed;
        request.Check();
        return request;
    }

    public FeatureCollection CreateFeatures(UpgradeResponse response)
    {
        var features = new FeatureCollection();
        features.Set<IHttpRequestFeature>(new HttpRequestFeature
        {
            Protocol = HttpProtocol.Http11,
            Scheme = "http",
            Method = HttpMethods.Get,
            Path = _path,
            QueryString = _query,
            RawTarget = _path + _query,
            Headers = _headers,
        });
        features.Set<IHttpResponseFeature>(response);
        features.Set(response.BodyFeature);
        var (remote, local) = ((IPEndPoint)_socket.RemoteEndPoint!, (IPEndPoint)_socket.LocalEndPoint!);
        features.Set<IHttpConnectionFeature>(new HttpConnectionFeature
        {
            RemoteIpAddress = remote.Address,
            RemotePort = remote.Port,
            LocalIpAddress = local.Address,
            LocalPort = local.Port,
        });
        features.Set<IHttpRequestLifetimeFeature>(new HttpRequestLifetimeFeature());
        return features;
    }

    void IHttpRequestLineHandler.OnStartLine(
        HttpVersionAndMethod versionAndMethod, TargetOffsetPathLength targetPath, Span<byte> startLine)
    {
        var target = startLine[targetPath.Offset..];
        // It is a path without anything to be decoded: it was compared before the request became ours.
        _path = Encoding.ASCII.GetString(target[..targetPath.Length]);
        _query = Encoding.Latin1.GetString(target[targetPath.Length..]);
        _isHttp11 = versionAndMethod.Version == HttpVersion.Http11;
    }

    void IHttpHeadersHandler.OnHeader(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value)
    {
        if (++_count > HeaderCount)
            throw new BadRequest($"The request has over {HeaderCount} headers.", StatusCodes.Status431RequestHeaderFieldsTooLarge);
        if (value.ContainsAnyInRange((byte)0x00, (byte)0x08) || value.Contains((byte)0x7F))
            throw new BadRequest("A header has a control character in it.");
        var header = Encoding.ASCII.GetString(name);
        _headers[header] = Microsoft.Extensions.Primitives.StringValues.Concat(_headers[header], Encoding.UTF8.GetString(value));
    }

    void IHttpHeadersHandler.OnHeadersComplete(bool endStream)
    {
    }

    void IHttpHeadersHandler.OnStaticIndexedHeader(int index) => throw new NotSupportedException();

    void IHttpHeadersHandler.OnStaticIndexedHeader(int index, ReadOnlySpan<byte> value) => throw new NotSupportedException();

    private void Check()
    {
        if (_headers.Host.Count != 1 || string.IsNullOrWhiteSpace(_headers.Host))
            throw new BadRequest("A request has one Host.");
        // There would be a body between it and the first frame.
        if (_headers.ContentLength > 0 || _headers.TransferEncoding.Count > 0)
            throw new BadRequest("A request for a WebSocket has no body.");
    }
}
