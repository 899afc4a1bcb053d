// /api/webhooks: which there are, what they have given up, and that again.

using System.ComponentModel;
using CloudSync.Delivery;
using Microsoft.AspNetCore.Http.HttpResults;

namespace CloudSync.Server.Rest;

internal static class WebhookEndpoints
{
    public static void MapWebhooks(this IEndpointRouteBuilder webhooks)
    {
        webhooks.MapGet("", ListAsync)
            .WithName("listWebhooks")
            .WithSummary("Lists the webhooks, and how they do")
            .Problems();
        webhooks.MapGet("{name}/failed", ListFailedAsync)
            .WithName("listFailedDeliveries")
            .WithSummary("Lists what a webhook has given up, the oldest first")
            .Problems(400, 404);
        webhooks.MapPost("{name}/replay", ReplayAsync)
            .WithName("replayFailedDeliveries")
            .WithSummary("Sends again what a webhook has given up")
            .WithDescription("It comes after what was committed since.")
            .Problems(404);
    }

    private static async Task<Ok<WebhookPage>> ListAsync(
        WebhookDirectory webhooks, IDelivery delivery, CancellationToken cancellationToken)
    {
        var page = new List<WebhookResource>();
        foreach (var webhook in webhooks.All)
            page.Add(WebhookResource.Of(webhook, await delivery.CountFailedAsync(webhook.Subscriber, cancellationToken).ConfigureAwait(false)));
        return TypedResults.Ok(new WebhookPage(page));
    }

    private static async Task<Ok<FailedDeliveryPage>> ListFailedAsync(
        [Description("The webhook.")] string name, [Description("1 to 200; 50 if left out.")] int? limit,
        WebhookDirectory webhooks, IDelivery delivery, CancellationToken cancellationToken)
    {
        var count = Checks.Limit(limit, RestOptions.PageSize, RestOptions.PageSizeMax);
        var failed = await delivery.ListFailedAsync(Find(webhooks, name).Subscriber, count, cancellationToken)
            .ConfigureAwait(false);
        return TypedResults.Ok(new FailedDeliveryPage([.. failed.Select(FailedDeliveryResource.Of)]));
    }

    private static async Task<Ok<ReplayResource>> ReplayAsync(
        [Description("The webhook.")] string name, WebhookDirectory webhooks, IDelivery delivery,
        CancellationToken cancellationToken) =>
        TypedResults.Ok(new ReplayResource(
            await delivery.ReplayFailedAsync(Find(webhooks, name).Subscriber, cancellationToken).ConfigureAwait(false)));

    private static WebhookStatus Find(WebhookDirectory webhooks, string name) =>
        webhooks.All.FirstOrDefault(webhook => webhook.Name == name)
        ?? throw new BadRequestException($"There is no webhook '{name}' in CloudSync:Webhooks.", StatusCodes.Status404NotFound);
}

[Description("A webhook.")]
internal sealed record WebhookResource(
    [property: Description("Its name.")] string Name,
    [property: Description("Where it posts to, without a query.")] string Url,
    [property: Description("Messages given up and not replayed.")] long Failed,
    [property: Description("When this process last had an answer that was well.")] DateTime? SucceededAt,
    [property: Description("When an attempt of this process last failed.")] DateTime? FailedAt,
    [property: Description("Why.")] string? Reason)
{
    public static WebhookResource Of(WebhookStatus webhook, long failed) => new(
        webhook.Name, webhook.Url, failed, webhook.SucceededAt?.UtcDateTime, webhook.FailedAt?.UtcDateTime, webhook.Reason);
}

[Description("The webhooks.")]
internal sealed record WebhookPage(
    [property: Description("As they stand in CloudSync:Webhooks.")] IReadOnlyList<WebhookResource> Webhooks);

[Description("A message that a webhook has given up.")]
internal sealed record FailedDeliveryResource(
    [property: Description("The document.")] string Document,
    [property: Description("The version of its first operation.")] long FirstVersion,
    [property: Description("The version of its last one.")] long LastVersion,
    [property: Description("When it was given up.")] DateTime FailedAt,
    [property: Description("How often it was tried.")] int Attempts,
    [property: Description("Why the last attempt failed.")] string Reason)
{
    public static FailedDeliveryResource Of(FailedDelivery failed) => new(
        failed.DocumentId, failed.FirstVersion, failed.LastVersion, failed.FailedAt.UtcDateTime, failed.Attempts, failed.Reason);
}

[Description("What a webhook has given up.")]
internal sealed record FailedDeliveryPage(
    [property: Description("The oldest first.")] IReadOnlyList<FailedDeliveryResource> Failed);

[Description("What is sent again.")]
internal sealed record ReplayResource([property: Description("How many messages.")] int Replayed);
