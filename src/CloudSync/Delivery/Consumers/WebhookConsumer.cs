// One webhook: posts every message to its URL. Retries, and giving up, are the delivery's; whatever isn't a 2xx is a failure.

using System.Collections.Concurrent;
using System.Net.Http.Headers;

namespace CloudSync.Delivery.Consumers;

/// <summary>How a webhook's last attempts in this process went.</summary>
/// <param name="SucceededAt">When the last one that succeeded did.</param>
/// <param name="FailedAt">When the last one that failed did.</param>
/// <param name="Reason">Why it failed.</param>
internal sealed record WebhookState(DateTimeOffset? SucceededAt, DateTimeOffset? FailedAt, string? Reason);

/// <summary>The states of this process's webhooks, by name. Thread-safe.</summary>
internal sealed class WebhookStates : ConcurrentDictionary<string, WebhookState>;

internal sealed class WebhookConsumer : IDeliveryConsumer, IDisposable
{
    /// <summary>What a webhook's subscriber is called, so that it can't take the name of another consumer.</summary>
    public const string Prefix = "webhook-";

    // What the receiver answers is of no interest; read to its end, its connection can be used again.
    private const int AnswerBytesMax = 16 << 10;

    private readonly WebhookSettings _webhook;
    private readonly WebhookStates _states;
    private readonly TimeProvider _time;
    private readonly HttpClient _client;
    private readonly Uri _url;

    public WebhookConsumer(WebhookSettings webhook, WebhookStates states, TimeProvider time)
    {
        (_webhook, _states, _time, _url) = (webhook, states, time, new Uri(webhook.Url));
        // Where a request goes is the operator's decision: neither a redirect nor a proxy in the environment changes it.
        _client = new HttpClient(new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            UseProxy = false,
            UseCookies = false,
            MaxConnectionsPerServer = webhook.Concurrency,
            PooledConnectionLifetime = TimeSpan.FromMinutes(5),
            MaxResponseHeadersLength = 16,
        })
        {
            Timeout = Timeout.InfiniteTimeSpan,
        };
        Policy = new()
        {
            Concurrency = webhook.Concurrency,
            AttemptsMax = webhook.Attempts,
            FirstWait = webhook.FirstWait,
            LongestWait = TimeSpan.FromMinutes(1),
        };
    }

    public string Name => Prefix + _webhook.Name;

    public DeliveryPolicy Policy { get; }

    public async Task HandleAsync(DeliveryMessage message, CancellationToken cancellationToken)
    {
        if (!Wants(message.DocumentId))
            return;
        try
        {
            await PostAsync(message, cancellationToken);
            _states.AddOrUpdate(
                _webhook.Name, static (_, now) => new(now, null, null),
                static (_, old, now) => old with { SucceededAt = now }, _time.GetUtcNow());
        }
        catch (Exception exception) when (!cancellationToken.IsCancellationRequested)
        {
            _states.AddOrUpdate(
                _webhook.Name, static (_, failure) => new(null, failure.Now, failure.Message),
                static (_, old, failure) => old with { FailedAt = failure.Now, Reason = failure.Message },
                (Now: _time.GetUtcNow(), exception.Message));
            throw;
        }
    }

    public void Dispose() => _client.Dispose();

    private async Task PostAsync(DeliveryMessage message, CancellationToken cancellationToken)
    {
        using var patience = new CancellationTokenSource(_webhook.Timeout, _time);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(patience.Token, cancellationToken);
        using var request = new HttpRequestMessage(HttpMethod.Post, _url)
        {
            Content = new ReadOnlyMemoryContent(message.Body),
        };
        request.Content.Headers.ContentType = new MediaTypeHeaderValue(DeliveryJson.ContentType);
        request.Headers.Add(WebhookSignature.Header, WebhookSignature.Sign(_webhook.Secret, _time.GetUtcNow(), message.Body.Span));
        request.Headers.Add("CloudSync-Document", message.DocumentId);
        request.Headers.Add("CloudSync-Versions", $"{message.FirstVersion}-{message.LastVersion}");
        request.Headers.UserAgent.ParseAdd("CloudSync");
        try
        {
            using var response = await _client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, stop.Token);
            if (!response.IsSuccessStatusCode)
                throw new HttpRequestException($"{_url.Host} answered {(int)response.StatusCode}.");
            await SkipAnswerAsync(response, stop.Token);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new TimeoutException($"{_url.Host} did not answer within {_webhook.Timeout}.");
        }
    }

    private static async Task SkipAnswerAsync(HttpResponseMessage response, CancellationToken cancellationToken)
    {
        var answer = await response.Content.ReadAsStreamAsync(cancellationToken);
        var buffer = new byte[4096];
        for (var total = 0; total < AnswerBytesMax;)
        {
            var read = await answer.ReadAsync(buffer, cancellationToken);
            if (read == 0)
                return;
            total += read;
        }
    }

    private bool Wants(string documentId)
    {
        if (_webhook.Documents.Count == 0)
            return true;
        foreach (var wanted in _webhook.Documents)
        {
            if (wanted.EndsWith('*')
                ? documentId.AsSpan().StartsWith(wanted.AsSpan(0, wanted.Length - 1), StringComparison.Ordinal)
                : documentId == wanted)
                return true;
        }

        return false;
    }
}
