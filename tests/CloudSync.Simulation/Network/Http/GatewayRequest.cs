// A request as a gateway has it: what production code expects of ASP.NET Core, and a pipe that carries the answer away.

using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.IO.Pipelines;
using System.Net;
using CloudSync.Simulation.World;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace CloudSync.Simulation.Network.Http;

[SuppressMessage("Reliability", "CA1001", Justification = "Nothing in it belongs to the machine.")]
internal sealed class GatewayRequest : IHttpResponseFeature, IHttpResponseBodyFeature, IHttpRequestLifetimeFeature
{
    /// <summary>The last message of the pipe.</summary>
    public const int Ended = 0;

    private readonly SimulatedProcess _gateway;
    private readonly Pipe? _down;
    private readonly CancellationTokenSource _aborted = new();
    private readonly AnswerWriter _writer;
    private bool _gone;

    /// <param name="gateway">Whose it is.</param>
    /// <param name="request">What was asked.</param>
    /// <param name="line">The client's line.</param>
    /// <param name="arrive">Called at the client's end for each part of the answer; null if nobody waits for it there.</param>
    public GatewayRequest(SimulatedProcess gateway, SentRequest request, Line line, Action<GatewayRequest, Message>? arrive)
    {
        _gateway = gateway;
        _writer = new(this);
        if (arrive is not null)
            _down = new(gateway.World, line, message => arrive(this, message), isDown: true);
        Context = new DefaultHttpContext();
        Context.Features.Set<IHttpResponseFeature>(this);
        Context.Features.Set<IHttpResponseBodyFeature>(this);
        Context.Features.Set<IHttpRequestLifetimeFeature>(this);
        Context.Connection.RemoteIpAddress = IPAddress.Loopback;
        Context.Request.Method = request.Method;
        Context.Request.Path = request.Address.AbsolutePath;
        Context.Request.QueryString = new(request.Address.Query);
        if (request.Key is not null)
            Context.Request.RouteValues["key"] = request.Key;
        foreach (var (name, value) in request.Headers)
            Context.Request.Headers[name] = value;
        Context.Request.ContentLength = request.Body.Length;
        Context.Request.Body = request.IsCutOff
            ? new CutBody(request.Body.Span[..(request.Body.Length / 2)].ToArray())
            : new MemoryStream(request.Body.ToArray());
    }

    public DefaultHttpContext Context { get; }

    public int StatusCode { get; set; } = StatusCodes.Status200OK;

    public string? ReasonPhrase { get; set; }

    public IHeaderDictionary Headers { get; set; } = new HeaderDictionary();

    public Stream Body { get; set; } = Stream.Null;

    public bool HasStarted { get; private set; }

    public CancellationToken RequestAborted
    {
        get => _aborted.Token;
        set => throw new NotSupportedException();
    }

    Stream IHttpResponseBodyFeature.Stream => throw new NotSupportedException();

    PipeWriter IHttpResponseBodyFeature.Writer => _writer;

    /// <summary>Raised when the gateway is gone; true: without a word.</summary>
    public event Action<bool>? GatewayDied;

    public void Died(bool silently) => GatewayDied?.Invoke(silently);

    /// <summary>The client is gone, and the gateway hears of it.</summary>
    public void ClientGone()
    {
        if (_gone)
            return;
        _gone = true;
        _down?.Break();
        _gateway.Post(_aborted.Cancel);
    }

    public void Abort() => throw new NotSupportedException();

    /// <summary>The gateway has said all.</summary>
    public async Task EndAsync()
    {
        await _writer.FlushAsync();
        if (!_gone)
            _down?.Send(new(default, Ended));
    }

    public void OnStarting(Func<object, Task> callback, object state) => throw new NotSupportedException();

    public void OnCompleted(Func<object, Task> callback, object state) => throw new NotSupportedException();

    void IHttpResponseBodyFeature.DisableBuffering()
    {
    }

    Task IHttpResponseBodyFeature.StartAsync(CancellationToken cancellationToken)
    {
        HasStarted = true;
        return Task.CompletedTask;
    }

    Task IHttpResponseBodyFeature.SendFileAsync(string path, long offset, long? count, CancellationToken cancellationToken) =>
        throw new NotSupportedException();

    Task IHttpResponseBodyFeature.CompleteAsync() => throw new NotSupportedException();

    private async ValueTask<FlushResult> SendAsync(byte[] chunk)
    {
        HasStarted = true;
        // As from Kestrel: what nobody reads any more is written all the same.
        if (_gone || _down is null)
            return new(isCanceled: false, isCompleted: true);
        try
        {
            await _down.SendAsync(new(chunk), _gateway);
        }
        catch (IOException)
        {
            return new(isCanceled: false, isCompleted: true);
        }

        return default;
    }

    private sealed class AnswerWriter(GatewayRequest request) : PipeWriter
    {
        private readonly ArrayBufferWriter<byte> _written = new();

        public override void Advance(int bytes) => _written.Advance(bytes);

        public override Memory<byte> GetMemory(int sizeHint = 0) => _written.GetMemory(sizeHint);

        public override Span<byte> GetSpan(int sizeHint = 0) => _written.GetSpan(sizeHint);

        public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default)
        {
            var chunk = _written.WrittenSpan.ToArray();
            _written.ResetWrittenCount();
            return request.SendAsync(chunk);
        }

        public override void CancelPendingFlush() => throw new NotSupportedException();

        public override void Complete(Exception? exception = null) => throw new NotSupportedException();
    }

    // The client, or something on the way, has broken off in the midst of it.
    private sealed class CutBody(byte[] bytes) : MemoryStream(bytes)
    {
        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            var read = Read(buffer.Span);
            return read > 0 ? new(read) : ValueTask.FromException<int>(new IOException("The request was cut off."));
        }
    }
}
