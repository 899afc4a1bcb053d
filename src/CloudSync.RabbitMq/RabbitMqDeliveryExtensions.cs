// UseRabbitMq(): delivery over RabbitMQ instead of in this process.

using CloudSync;
using CloudSync.Delivery;
using CloudSync.RabbitMq;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Adds delivery over RabbitMQ to CloudSync.</summary>
public static class RabbitMqDeliveryExtensions
{
    /// <summary>
    /// Publishes everything committed to RabbitMQ, and has the consumers of this application read from there. Options come
    /// from the configuration section "CloudSync:RabbitMq".
    /// </summary>
    /// <param name="builder">What <c>AddCloudSync()</c> returned.</param>
    /// <param name="configure">Changes options after the configuration was read.</param>
    /// <returns>The builder.</returns>
    public static CloudSyncBuilder UseRabbitMq(this CloudSyncBuilder builder, Action<RabbitMqOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(builder);
        var services = builder.AddDelivery().Services;
        var options = services.AddOptions<RabbitMqOptions>().BindConfiguration("CloudSync:RabbitMq").ValidateOnStart();
        if (configure is not null)
            options.Configure(configure);
        services.TryAddEnumerable(
            ServiceDescriptor.Singleton<IValidateOptions<RabbitMqOptions>, RabbitMqOptionsValidator>());
        services.Configure<DeliveryOptions>(static delivery => delivery.HasBroker = true);
        services.TryAddSingleton<RabbitMqMetrics>();
        services.TryAddSingleton<RabbitMqConnections>();
        services.Replace(ServiceDescriptor.Singleton<IDelivery, RabbitMqDelivery>());
        return builder;
    }
}
