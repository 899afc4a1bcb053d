// The webhooks as an operator may see them: without secrets, or what a URL may hide in its query.

using CloudSync.Delivery.Consumers;
using Microsoft.Extensions.Options;

namespace CloudSync.Delivery;

/// <summary>A webhook, and how it does in this process.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Subscriber">What it is called in <see cref="IDelivery"/>.</param>
/// <param name="Url">Where it posts to, without user and query.</param>
/// <param name="SucceededAt">When an attempt last succeeded here.</param>
/// <param name="FailedAt">When one last failed here.</param>
/// <param name="Reason">Why.</param>
public sealed record WebhookStatus(
    string Name, string Subscriber, string Url, DateTimeOffset? SucceededAt, DateTimeOffset? FailedAt, string? Reason);

/// <summary>All webhooks that are configured. Registered by AddDelivery().</summary>
public sealed class WebhookDirectory
{
    private readonly WebhookOptions _options;
    private readonly WebhookStates _states;

    internal WebhookDirectory(IOptions<WebhookOptions> options, WebhookStates states) =>
        (_options, _states) = (options.Value, states);

    /// <summary>In the order of the configuration.</summary>
    public IReadOnlyList<WebhookStatus> All => [.. _options.Webhooks.Select(webhook =>
    {
        var state = _states.GetValueOrDefault(webhook.Name);
        return new WebhookStatus(
            webhook.Name, WebhookConsumer.Prefix + webhook.Name,
            new Uri(webhook.Url).GetComponents(UriComponents.SchemeAndServer | UriComponents.Path, UriFormat.UriEscaped),
            state?.SucceededAt, state?.FailedAt, state?.Reason);
    })];
}
