// The transport over plain HTTP requests, for networks that break WebSockets. docs/protocol.md, "Without WebSockets", says what is
// asked and answered.
//
// Frames are posted one after another, each with a number. A poll waits for what the server has to say, as a stream of events or
// as a single answer; either way the next one goes on where it ended, so that a network that cuts streams costs nothing but that.

using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using CloudSync.Protocol.V1;

namespace CloudSync.Client;

/// <summary>How a <see cref="PolledTransport"/> reads.</summary>
internal enum PollKinds
{
    Streams,
    Single,

    /// <summary>By streams, and by single polls if the network lets no stream through.</summary>
    Either,
}

[SuppressMessage("Reliability", "CA1001", Justification = "What it holds needs no disposal once it is cancelled.")]
internal sealed class PolledTransport : ClientTransport
{
    /// <summary>The message of a connection that ends since a piece is missing.</summary>
    public const string LeftOut = "The server left something out.";

    // On a stream the server waits for acknowledgements when it has sent four times this much.
    private const int AcknowledgedBytes = 64 * 1024;

    private const int FruitlessStreams = 2;

    // A stream has to bring something this long after the first frame was taken, or it isn't let through.
    private static readonly TimeSpan _streamPatience = TimeSpan.FromSeconds(4);

    // Whoever answers sooner that there is nothing isn't asked again and again.
    private static readonly TimeSpan _quietMin = TimeSpan.FromSeconds(0.5);

    // A request that fails is made again after these times; then the connection counts as lost.
    private static readonly TimeSpan[] _retries =
        [TimeSpan.Zero, TimeSpan.FromSeconds(0.25), TimeSpan.FromSeconds(0.5), TimeSpan.FromSeconds(1)];

    private static readonly TimeSpan _deletePatience = TimeSpan.FromSeconds(2);

    private static readonly HttpMessageInvoker _sockets = new(new SocketsHttpHandler
    {
        AllowAutoRedirect = false,
        AutomaticDecompression = DecompressionMethods.GZip,
        PooledConnectionLifetime = TimeSpan.FromMinutes(2),
        UseCookies = false,
    });

    private readonly HttpMessageInvoker _http;
    private readonly TaskScheduler _scheduler;
    private readonly Uri _root;
    private readonly int _maxFrameBytes;
    private readonly PollKinds _kinds;
    private readonly TimeProvider _clock;
    private readonly CancellationTokenSource _closing = new();
    private readonly TaskCompletionSource _ended = new();
    private readonly MemoryStream _frame = new();
    private CancellationTokenSource _poll = new();
    private Uri? _address;
    private ITransportListener? _listener;
    private volatile bool _streams;
    private int _fruitless;
    private long _posted;
    private long _received;
    private int _unacknowledged;
    private int _acknowledging;
    private TransportClosure? _failure;

    /// <summary>Prepares a connection.</summary>
    /// <param name="endpoint">The address of the WebSocket.</param>
    /// <param name="maxFrameBytes">Bytes of one frame from the server, at most.</param>
    /// <param name="kinds">How it reads.</param>
    /// <param name="clock">For the time between attempts.</param>
    /// <param name="random">For the name of no document.</param>
    /// <param name="http">What carries requests; the machine's own if it is left out.</param>
    /// <param name="scheduler">Where it works while nobody waits for it; the thread pool if it is left out.</param>
    public PolledTransport(
        Uri endpoint, int maxFrameBytes, PollKinds kinds, TimeProvider clock, Random random, HttpMessageInvoker? http = null,
        TaskScheduler? scheduler = null)
    {
        (_http, _scheduler) = (http ?? _sockets, scheduler ?? TaskScheduler.Default);
        var root = new UriBuilder(endpoint)
        {
            Scheme = endpoint.Scheme.Replace("ws", "http", StringComparison.Ordinal),
            Path = endpoint.AbsolutePath.TrimEnd('/') + "/polling",
        };
        // All requests of a connection must get to one gateway; a load balancer goes by this.
        if (!endpoint.Query.Contains("document=", StringComparison.Ordinal))
            root.Query = $"{(root.Query.Length > 1 ? root.Query + "&" : "")}document=-{random.NextInt64():x}";
        _root = root.Uri;
        _maxFrameBytes = maxFrameBytes;
        _kinds = kinds;
        _clock = clock;
        _streams = kinds != PollKinds.Single;
    }

    public override void Start(ITransportListener listener)
    {
        _listener = listener;
        Begin(RunAsync);
    }

    public override async ValueTask SendAsync(ReadOnlyMemory<byte> frame)
    {
        var number = ++_posted;
        var told = false;
        await AgainAsync(async () => told = await PostAsync(number, frame).ConfigureAwait(false)).ConfigureAwait(false);
        if (!told)
        {
            // The server has closed; the poll says why.
            await _ended.Task.ConfigureAwait(false);
            return;
        }

        if (number == 1 && _kinds == PollKinds.Either)
            _ = WatchStreamAsync();
    }

    public override void Close() => Close(CloseCodes.GoingAway);

    public override void Leave() => Close(CloseCodes.Normal);

    private Uri Address => _address ?? throw new OperationCanceledException("The connection is closed.");

    private void Close(int code)
    {
        _closing.Cancel();
        if (Interlocked.Exchange(ref _address, null) is { } address)
            Begin(() => DeleteAsync(With(address, $"code={Text(code)}")));
    }

    private void Begin(Func<Task> work) =>
        _ = Task.Factory.StartNew(work, CancellationToken.None, TaskCreationOptions.DenyChildAttach, _scheduler);

    private async Task RunAsync()
    {
        TransportClosure closure;
        try
        {
            await OpenAsync().ConfigureAwait(false);
            _listener!.Connected();
            while (true)
                await AgainAsync(PollAsync).ConfigureAwait(false);
        }
        catch (EndedException ended)
        {
            closure = ended.Closure;
            if (ended.ByServer)
                _address = null;
        }
        catch (Exception exception)
        {
            closure = _failure ?? new(exception.Message);
        }

        _closing.Cancel();
        _listener!.Closed(closure);
        // A frame that waits is over when it is known why.
        _ended.TrySetResult();
    }

    private async Task OpenAsync()
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, _root);
        using var answer = await _http.SendAsync(request, _closing.Token).ConfigureAwait(false);
        if (answer.StatusCode != HttpStatusCode.Created)
            throw new EndedException(Describe(answer));
        using var body = JsonDocument.Parse(await answer.Content.ReadAsStringAsync(_closing.Token).ConfigureAwait(false));
        var key = body.RootElement.GetProperty("key").GetString()!;
        _address = new UriBuilder(_root) { Path = $"{_root.AbsolutePath}/{key}" }.Uri;
    }

    private async Task PollAsync()
    {
        var (streams, before, began) = (_streams, _received, _clock.GetTimestamp());
        using var poll = CancellationTokenSource.CreateLinkedTokenSource(_closing.Token);
        _poll = poll;
        try
        {
            await PollAsync(streams, poll.Token).ConfigureAwait(false);
            if (_received == before && _clock.GetElapsedTime(began) < _quietMin)
                throw new IOException("An empty answer.");
        }
        catch (OperationCanceledException) when (!_closing.IsCancellationRequested)
        {
            // Another kind of poll takes its place.
        }
        catch (Exception exception) when (IsTransient(exception) && _received != before)
        {
            // Cut off, but not for nothing.
        }
        finally
        {
            if (_received != before)
                _fruitless = 0;
            else if (streams && ++_fruitless >= FruitlessStreams)
                StopStreaming();
        }
    }

    private async Task PollAsync(bool streams, CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, With(Address, $"after={Text(_received)}"));
        if (streams)
            request.Headers.Accept.Add(new MediaTypeWithQualityHeaderValue("text/event-stream"));
        using var answer = await _http.SendAsync(request, cancellationToken).ConfigureAwait(false);
        if (answer.StatusCode == HttpStatusCode.NoContent)
            return;
        if (answer.StatusCode != HttpStatusCode.OK)
            throw Failure(answer);
        using var reader = new StreamReader(await answer.Content.ReadAsStreamAsync(cancellationToken).ConfigureAwait(false));
        var events = new EventReader(reader);
        while (await events.ReadAsync(cancellationToken).ConfigureAwait(false) is { } read)
            Take(read);
    }

    private void Take(ServerEvent read)
    {
        _closing.Token.ThrowIfCancellationRequested();
        if (read.Name == "close")
        {
            var space = read.Data.IndexOf(' ', StringComparison.Ordinal);
            _ = int.TryParse(space < 0 ? read.Data : read.Data[..space], CultureInfo.InvariantCulture, out var code);
            throw new EndedException(CloseCodes.Describe(code, space < 0 ? "" : read.Data[(space + 1)..]), byServer: true);
        }

        if (read.Id <= _received)
            return;
        if (read.Id != _received + 1)
            throw new EndedException(new(LeftOut));
        var bytes = Convert.FromBase64String(read.Data);
        if (_frame.Length + bytes.Length > _maxFrameBytes)
        {
            // It would send the same again.
            var message = $"The server sent a message of more than {_maxFrameBytes} bytes.";
            throw new EndedException(new(message, new Refusal(
                ErrorCode.MessageTooLarge, message, nameof(CloudSyncClientOptions.MaxFrameBytes), (ulong)_maxFrameBytes)));
        }

        _frame.Write(bytes);
        Volatile.Write(ref _received, read.Id);
        if (read.Name == "message")
        {
            _listener!.Received(_frame.GetBuffer().AsMemory(0, (int)_frame.Length));
            _frame.SetLength(0);
            // A snapshot's memory isn't held for ever.
            if (_frame.Capacity > AcknowledgedBytes)
                _frame.Capacity = 0;
        }

        if (Interlocked.Add(ref _unacknowledged, bytes.Length) >= AcknowledgedBytes && _streams)
            _ = AcknowledgeAsync();
    }

    // Beside the frames: one of them may wait until the server has got rid of what it has to say.
    private async Task AcknowledgeAsync()
    {
        while (Volatile.Read(ref _unacknowledged) >= AcknowledgedBytes && Interlocked.Exchange(ref _acknowledging, 1) == 0)
        {
            try
            {
                await AgainAsync(() => PostAsync(null, default)).ConfigureAwait(false);
            }
            catch (Exception exception) when (exception is EndedException or OperationCanceledException || IsTransient(exception))
            {
                // Nothing more would come.
                _failure = exception is EndedException ended ? ended.Closure : new(exception.Message);
                GiveUp();
                return;
            }
            finally
            {
                Volatile.Write(ref _acknowledging, 0);
            }
        }
    }

    private void GiveUp() => _closing.Cancel();

    /// <summary>Posts a frame, or an acknowledgement alone; false if the server takes nothing more.</summary>
    private async Task<bool> PostAsync(long? number, ReadOnlyMemory<byte> frame)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, Address);
        if (number is { } given)
        {
            request.Content = new ReadOnlyMemoryContent(frame);
            request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/octet-stream");
            request.Headers.Add("CloudSync-Frame", Text(given));
        }

        Volatile.Write(ref _unacknowledged, 0);
        request.Headers.Add("CloudSync-Received", Text(Volatile.Read(ref _received)));
        using var answer = await _http.SendAsync(request, _closing.Token).ConfigureAwait(false);
        if (answer.StatusCode is HttpStatusCode.Gone or HttpStatusCode.RequestEntityTooLarge)
            return false;
        return answer.StatusCode == HttpStatusCode.NoContent ? true : throw Failure(answer);
    }

    private async Task WatchStreamAsync()
    {
        try
        {
            await DelayAsync(_streamPatience).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            return;
        }

        if (Volatile.Read(ref _received) == 0)
            StopStreaming();
    }

    private void StopStreaming()
    {
        if (_kinds != PollKinds.Either || !_streams)
            return;
        _streams = false;
        try
        {
            _poll.Cancel();
        }
        catch (ObjectDisposedException)
        {
            // It has just ended.
        }
    }

    // A request that the network or something on the way has failed is made again.
    private async Task AgainAsync(Func<Task> request)
    {
        for (var attempt = 0; ; attempt++)
        {
            try
            {
                await request().ConfigureAwait(false);
                return;
            }
            catch (Exception exception) when (IsTransient(exception) && attempt < _retries.Length)
            {
                await DelayAsync(_retries[attempt]).ConfigureAwait(false);
            }
        }
    }

    // Whoever waits goes on where it is cancelled, and not on the thread pool, as after Task.Delay: nothing leaves the simulator's
    // thread.
    private async Task DelayAsync(TimeSpan time)
    {
        var over = new TaskCompletionSource();
        using (_clock.CreateTimer(static over => ((TaskCompletionSource)over!).TrySetResult(), over, time, Timeout.InfiniteTimeSpan))
        using (_closing.Token.UnsafeRegister(static over => ((TaskCompletionSource)over!).TrySetResult(), over))
            await over.Task.ConfigureAwait(false);
        _closing.Token.ThrowIfCancellationRequested();
    }

    private async Task DeleteAsync(Uri address)
    {
        try
        {
            using var timeout = new CancellationTokenSource(_deletePatience, _clock);
            using var request = new HttpRequestMessage(HttpMethod.Delete, address);
            using var answer = await _http.SendAsync(request, timeout.Token).ConfigureAwait(false);
        }
        catch (Exception exception) when (exception is HttpRequestException or OperationCanceledException)
        {
            // Then the server finds out by itself.
        }
    }

    private static bool IsTransient(Exception exception) => exception is HttpRequestException or IOException;

    // An answer that isn't the server's own may be another in a moment.
    private static Exception Failure(HttpResponseMessage answer) =>
        (int)answer.StatusCode >= 500 || answer.StatusCode is HttpStatusCode.RequestTimeout or HttpStatusCode.TooManyRequests
            ? new HttpRequestException(Answered(answer), null, answer.StatusCode)
            : new EndedException(Describe(answer), byServer: true);

    private static TransportClosure Describe(HttpResponseMessage answer)
    {
        var message = Answered(answer);
        return answer.StatusCode is HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden
            ? new(message, new Refusal(ErrorCode.Unauthorized, message))
            : new(message, RetryAfter: RetryAfter(answer));
    }

    private static TimeSpan RetryAfter(HttpResponseMessage answer) =>
        answer.Headers.TryGetValues("CloudSync-Retry-After-Ms", out var values)
        && int.TryParse(values.FirstOrDefault(), CultureInfo.InvariantCulture, out var milliseconds) && milliseconds > 0
            ? TimeSpan.FromMilliseconds(milliseconds)
            : answer.Headers.RetryAfter?.Delta ?? default;

    private static string Answered(HttpResponseMessage answer) => $"The server answered {(int)answer.StatusCode} to the connection.";

    private static Uri With(Uri address, string parameter) =>
        new UriBuilder(address) { Query = $"{address.Query}&{parameter}" }.Uri;

    private static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);

    /// <summary>The server has answered, and asking again would change nothing.</summary>
    private sealed class EndedException(TransportClosure closure, bool byServer = false) : Exception(closure.Message)
    {
        public TransportClosure Closure => closure;

        /// <summary>It knows already.</summary>
        public bool ByServer => byServer;
    }
}
