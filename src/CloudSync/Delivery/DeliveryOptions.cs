// What is delivered, to whom, and from where. What can't work is refused at start with the name of the setting.

using System.Text.RegularExpressions;
using Microsoft.Extensions.Options;

namespace CloudSync.Delivery;

/// <summary>Bound from the configuration section "CloudSync:Delivery".</summary>
public sealed class DeliveryOptions
{
    /// <summary>Whether this process delivers: relay and consumers. A gateway beside workers doesn't.</summary>
    public bool RunsHere { get; set; } = true;

    /// <summary>Where in-process delivery keeps what waits; one process at a time may use it.</summary>
    public string Folder { get; set; } = "data/delivery";

    /// <summary>How often a relay that found nothing looks again. What was committed in its own process it hears of at once.</summary>
    public TimeSpan PollInterval { get; set; } = TimeSpan.FromMilliseconds(250);

    /// <summary>
    /// A relay that has just delivered something waits until so long after the claim before the next, so that a document's
    /// edits gather to one message.
    /// </summary>
    public TimeSpan GatherInterval { get; set; } = TimeSpan.FromMilliseconds(500);

    /// <summary>Make snapshots, and pack the history, of documents that nobody has open.</summary>
    public bool Snapshots { get; set; }

    /// <summary>Write every operation to NDJSON files in this folder; empty for none.</summary>
    public string AuditFolder { get; set; } = "";

    /// <summary>A file of the audit export is followed by another when it has this many bytes.</summary>
    public long AuditFileBytes { get; set; } = 64L << 20;

    /// <summary>
    /// Somebody outside of this process may subscribe: everything is published, whether or not a consumer is enabled here.
    /// Set by a broker.
    /// </summary>
    internal bool HasBroker { get; set; }
}

/// <summary>Bound from the configuration section "CloudSync".</summary>
public sealed class WebhookOptions
{
    /// <summary>Who is told of everything committed by HTTP; at most 32.</summary>
    public IList<WebhookSettings> Webhooks { get; } = [];
}

/// <summary>One webhook.</summary>
public sealed class WebhookSettings
{
    /// <summary>1 to 32 characters of a–z 0–9 -; its progress is kept under it.</summary>
    public string Name { get; set; } = "";

    /// <summary>Where to POST to: http:// or https://.</summary>
    public string Url { get; set; } = "";

    /// <summary>What is signed with; at least 16 characters.</summary>
    public string Secret { get; set; } = "";

    /// <summary>Only these documents: ids, or beginnings of ids followed by *. All if there are none.</summary>
    public IList<string> Documents { get; } = [];

    /// <summary>How many times a message is tried before it is given up; 1 to 20.</summary>
    public int Attempts { get; set; } = 8;

    /// <summary>How long one attempt may take.</summary>
    public TimeSpan Timeout { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>The wait after the first failure; doubled after each further one, up to a minute.</summary>
    public TimeSpan FirstWait { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>How many requests may be under way at the same time, each for another document; 1 to 64.</summary>
    public int Concurrency { get; set; } = 8;
}

internal sealed partial class DeliveryOptionsValidator : IValidateOptions<DeliveryOptions>, IValidateOptions<WebhookOptions>
{
    private const int WebhooksMax = 32;
    private const int SecretLengthMin = 16;

    public ValidateOptionsResult Validate(string? name, DeliveryOptions options)
    {
        var failures = new List<string>();
        if (options.PollInterval < TimeSpan.FromMilliseconds(10) || options.PollInterval > TimeSpan.FromMinutes(1))
            failures.Add($"CloudSync:Delivery:PollInterval is {options.PollInterval}; it must be from 10 ms to 1 minute.");
        if (options.GatherInterval < TimeSpan.Zero || options.GatherInterval > TimeSpan.FromMinutes(1))
            failures.Add($"CloudSync:Delivery:GatherInterval is {options.GatherInterval}; it must be from 0 to 1 minute.");
        if (string.IsNullOrWhiteSpace(options.Folder))
            failures.Add("CloudSync:Delivery:Folder must name a folder.");
        if (options.AuditFileBytes < 1024)
            failures.Add($"CloudSync:Delivery:AuditFileBytes is {options.AuditFileBytes}; it must be at least 1024.");
        if (options.RunsHere && options.AuditFolder.Length > 0 && WhyNotWritable(options.AuditFolder) is { } reason)
            failures.Add($"CloudSync:Delivery:AuditFolder is '{options.AuditFolder}', which can't be written: {reason}");
        return Result(failures);
    }

    public ValidateOptionsResult Validate(string? name, WebhookOptions options)
    {
        var failures = new List<string>();
        if (options.Webhooks.Count > WebhooksMax)
            failures.Add($"CloudSync:Webhooks has {options.Webhooks.Count} entries; it may have {WebhooksMax}.");
        var names = new HashSet<string>(StringComparer.Ordinal);
        for (var i = 0; i < options.Webhooks.Count; i++)
        {
            var webhook = options.Webhooks[i];
            var setting = $"CloudSync:Webhooks:{i}:";
            if (!NamePattern().IsMatch(webhook.Name))
                failures.Add($"{setting}Name is '{webhook.Name}'; it must have 1 to 32 characters of a–z 0–9 -.");
            else if (!names.Add(webhook.Name))
                failures.Add($"{setting}Name '{webhook.Name}' is another webhook's too.");
            if (!Uri.TryCreate(webhook.Url, UriKind.Absolute, out var url)
                || (url.Scheme != Uri.UriSchemeHttp && url.Scheme != Uri.UriSchemeHttps))
                failures.Add($"{setting}Url is '{webhook.Url}'; it must begin with http:// or https://.");
            if (webhook.Secret.Length < SecretLengthMin)
                failures.Add($"{setting}Secret has {webhook.Secret.Length} characters; it must have at least {SecretLengthMin}.");
            if (webhook.Attempts is < 1 or > 20)
                failures.Add($"{setting}Attempts is {webhook.Attempts}; it must be from 1 to 20.");
            if (webhook.Timeout <= TimeSpan.Zero || webhook.Timeout > TimeSpan.FromMinutes(1))
                failures.Add($"{setting}Timeout is {webhook.Timeout}; it must be more than 0 and at most 1 minute.");
            if (webhook.FirstWait <= TimeSpan.Zero || webhook.FirstWait > TimeSpan.FromMinutes(1))
                failures.Add($"{setting}FirstWait is {webhook.FirstWait}; it must be more than 0 and at most 1 minute.");
            if (webhook.Concurrency is < 1 or > 64)
                failures.Add($"{setting}Concurrency is {webhook.Concurrency}; it must be from 1 to 64.");
        }

        return Result(failures);
    }

    private static string? WhyNotWritable(string folder)
    {
        try
        {
            Directory.CreateDirectory(folder);
            using var file = new FileStream(
                Path.Combine(folder, $".{Guid.NewGuid():N}"), FileMode.CreateNew, FileAccess.Write, FileShare.None, 1,
                FileOptions.DeleteOnClose);
            return null;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return exception.Message;
        }
    }

    private static ValidateOptionsResult Result(List<string> failures) =>
        failures.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(failures);

    [GeneratedRegex("^[a-z0-9-]{1,32}$")]
    private static partial Regex NamePattern();
}
