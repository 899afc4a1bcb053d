// What AddCloudSync() adds for documents and presence.

using CloudSync.Audit;
using CloudSync.Fanout;
using CloudSync.Log;
using CloudSync.Presence;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;

namespace CloudSync.Documents;

internal static class DocumentsServiceCollectionExtensions
{
    public static IServiceCollection AddDocuments(this IServiceCollection services)
    {
        services.TryAddSingleton<DocumentMetrics>();
        services.TryAddSingleton<DocumentReader>();
        services.TryAddSingleton<IVersionCache, MemoryVersionCache>();
        services.TryAddSingleton<VersionReader>();
        services.TryAddSingleton<ISessionRecords, LocalSessionRecords>();
        services.TryAddSingleton<AuditTrail>();
        services.TryAddSingleton<SealedFanout>();
        services.TryAddSingleton<GatewayLeases>();
        services.AddHostedService<GatewayLeasesStarter>();
        services.TryAddSingleton<OpenDocuments>();
        services.TryAddSingleton<DocumentRegistry>(static provider => provider.GetRequiredService<OpenDocuments>());
        services.TryAddSingleton<DocumentService>(static provider => new LogDocumentService(
            provider.GetRequiredService<IOperationLog>(),
            provider.GetRequiredService<OpenDocuments>(),
            provider.GetRequiredService<VersionReader>(),
            provider.GetRequiredService<IOptions<CloudSyncOptions>>().Value,
            provider.GetRequiredService<TimeProvider>(),
            LogDocumentService.RandomClientId));
        return services;
    }
}
