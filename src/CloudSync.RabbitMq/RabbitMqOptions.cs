// How RabbitMQ is reached.

using Microsoft.Extensions.Options;
using RabbitMQ.Client;

namespace CloudSync.RabbitMq;

/// <summary>Bound from the configuration section "CloudSync:RabbitMq".</summary>
public sealed class RabbitMqOptions
{
    /// <summary>The setting that errors name.</summary>
    internal const string UriSetting = "CloudSync:RabbitMq:Uri";

    /// <summary>amqp://user:password@host:port/virtual-host, or amqps://.</summary>
    public string Uri { get; set; } = "";

    /// <summary>The topic exchange, and what the names of the queues begin with: 1 to 40 characters of a–z 0–9 - .</summary>
    public string Exchange { get; set; } = "cloudsync";

    /// <summary>Messages under way that the server has not confirmed; 1 to 10,000.</summary>
    public int PublishWindow { get; set; } = 64;

    /// <summary>How long a confirm, or any other answer, may take before the connection is given up.</summary>
    public TimeSpan Timeout { get; set; } = TimeSpan.FromSeconds(15);

    /// <summary>Messages that a consumer has in hand, of each queue; 1 to 1,000.</summary>
    public int Prefetch { get; set; } = 16;

    /// <summary>
    /// How long a new queue is left alone before anything is entrusted to it. Not for configuration: it is the server's, which
    /// has the names of its quorum queues on disk half a second after they were last changed, and is done with it in one.
    /// </summary>
    internal TimeSpan Settling { get; set; } = TimeSpan.FromSeconds(2);
}

internal sealed class RabbitMqOptionsValidator : IValidateOptions<RabbitMqOptions>
{
    public ValidateOptionsResult Validate(string? name, RabbitMqOptions options)
    {
        var failures = new List<string>();
        if (!Uri.TryCreate(options.Uri, UriKind.Absolute, out var uri) || uri.Scheme is not ("amqp" or "amqps")
            || uri.Host.Length == 0 || !IsUnderstood(uri))
            // Not the value: there is a password in it.
            failures.Add($"{RabbitMqOptions.UriSetting} must look like amqp://user:password@host:5672/virtual-host, or amqps://; a / within the name of the virtual host is written %2f.");
        if (options.Exchange.Length is 0 or > 40 || options.Exchange.Any(static c => c is not (>= 'a' and <= 'z' or >= '0' and <= '9' or '-')))
            failures.Add($"CloudSync:RabbitMq:Exchange is '{options.Exchange}'; it must have 1 to 40 characters of a–z 0–9 -.");
        if (options.PublishWindow is < 1 or > 10_000)
            failures.Add($"CloudSync:RabbitMq:PublishWindow is {options.PublishWindow}; it must be from 1 to 10000.");
        if (options.Prefetch is < 1 or > 1_000)
            failures.Add($"CloudSync:RabbitMq:Prefetch is {options.Prefetch}; it must be from 1 to 1000.");
        if (options.Timeout < TimeSpan.FromMilliseconds(100) || options.Timeout > TimeSpan.FromMinutes(5))
            failures.Add($"CloudSync:RabbitMq:Timeout is {options.Timeout}; it must be from 100 ms to 5 minutes.");
        return failures.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(failures);
    }

    // What more there is to it, such as a virtual host of one part, is the client's to say.
    private static bool IsUnderstood(Uri uri)
    {
        try
        {
            _ = new ConnectionFactory { Uri = uri };
            return true;
        }
        catch (Exception exception) when (exception is ArgumentException or FormatException or OverflowException)
        {
            return false;
        }
    }
}
