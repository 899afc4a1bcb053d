// The consumers of this process: those that configuration enables, and those that the application has registered.

using CloudSync.Delivery.Consumers;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace CloudSync.Delivery;

internal sealed class DeliveryConsumers
{
    public DeliveryConsumers(
        IServiceProvider services, IEnumerable<IDeliveryConsumer> registered, IOptions<DeliveryOptions> options,
        IOptions<WebhookOptions> webhooks)
    {
        var all = new List<IDeliveryConsumer>(registered);
        if (options.Value.Snapshots)
            all.Add(services.GetRequiredService<SnapshotConsumer>());
        if (options.Value.AuditFolder.Length > 0)
            all.Add(services.GetRequiredService<AuditExport>());
        foreach (var webhook in webhooks.Value.Webhooks)
            all.Add(ActivatorUtilities.CreateInstance<WebhookConsumer>(services, webhook));
        All = all;
    }

    public IReadOnlyList<IDeliveryConsumer> All { get; }
}
