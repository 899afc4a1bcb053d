// AddDelivery(): everything committed goes to webhooks, the audit export, snapshots, and the application's own consumers.

using CloudSync;
using CloudSync.Delivery;
using CloudSync.Delivery.Consumers;
using CloudSync.Log;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Adds delivery to CloudSync.</summary>
public static class DeliveryServiceCollectionExtensions
{
    /// <summary>
    /// Adds delivery, with options from the configuration sections "CloudSync:Delivery" and "CloudSync:Webhooks". The outbox
    /// is written when a consumer is enabled there, is registered as an <see cref="IDeliveryConsumer"/>, or a broker is used.
    /// </summary>
    /// <param name="builder">What <c>AddCloudSync()</c> returned.</param>
    /// <param name="configure">Changes options after the configuration was read.</param>
    /// <returns>The builder.</returns>
    public static CloudSyncBuilder AddDelivery(this CloudSyncBuilder builder, Action<DeliveryOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(builder);
        var services = builder.Services;
        if (configure is not null)
            services.PostConfigure(configure);
        // Asked for twice: by the application, and by whoever brings a broker.
        if (services.Any(static service => service.ServiceType == typeof(DeliveryState)))
            return builder;
        services.AddOptions<DeliveryOptions>().BindConfiguration("CloudSync:Delivery").ValidateOnStart();
        services.AddOptions<WebhookOptions>().BindConfiguration("CloudSync").ValidateOnStart()
            // The binder passes over a value where a list belongs.
            .Validate<IConfiguration>(
                static (_, configuration) => string.IsNullOrEmpty(configuration["CloudSync:Webhooks"]),
                "CloudSync:Webhooks is one value, but it is a list: set CloudSync:Webhooks:0:Name, :Url and :Secret.")
            .Validate<IConfiguration>(
                static (_, configuration) => configuration.GetSection("CloudSync:Webhooks").GetChildren()
                    .All(static webhook => string.IsNullOrEmpty(webhook["Documents"])),
                "CloudSync:Webhooks:…:Documents is one value, but it is a list: set CloudSync:Webhooks:0:Documents:0.");
        services.TryAddEnumerable(
            ServiceDescriptor.Singleton<IValidateOptions<DeliveryOptions>, DeliveryOptionsValidator>());
        services.TryAddEnumerable(
            ServiceDescriptor.Singleton<IValidateOptions<WebhookOptions>, DeliveryOptionsValidator>());
        // Not through the consumers themselves: they want the log, which wants these options.
        var registered = services;
        services.AddOptions<OutboxOptions>().Configure<IOptions<DeliveryOptions>, IOptions<WebhookOptions>>(
            (outbox, delivery, webhooks) => outbox.Enabled |= delivery.Value.HasBroker || delivery.Value.Snapshots
                || delivery.Value.AuditFolder.Length > 0 || webhooks.Value.Webhooks.Count > 0
                || registered.Any(static service => service.ServiceType == typeof(IDeliveryConsumer)));
        services.TryAddSingleton<DeliveryMetrics>();
        services.TryAddSingleton<DeliveryReader>();
        services.TryAddSingleton<DeliveryState>();
        services.TryAddSingleton<CommitSignal>();
        services.TryAddSingleton<IDelivery, InProcessDelivery>();
        services.TryAddSingleton<OutboxRelay>();
        services.TryAddSingleton<DeliveryConsumers>();
        services.TryAddSingleton<WebhookStates>();
        services.TryAddSingleton(static provider => new WebhookDirectory(
            provider.GetRequiredService<IOptions<WebhookOptions>>(), provider.GetRequiredService<WebhookStates>()));
        services.TryAddSingleton<SnapshotConsumer>();
        services.TryAddSingleton<AuditExport>();
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IHostedService, DeliveryService>());
        services.AddHealthChecks().AddCheck<DeliveryHealth>("delivery");
        return builder;
    }
}
