// UseCloudSyncSockets(): connections below HTTP's machinery.

using CloudSync.Gateway.Sockets;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace Microsoft.AspNetCore.Hosting;

/// <summary>Makes connections of CloudSync cheap.</summary>
public static class CloudSyncWebHostBuilderExtensions
{
    /// <summary>
    /// Takes CloudSync's WebSockets over from Kestrel as soon as the application has accepted them, on Kestrel's own ports: a
    /// connection then costs a third of the memory. The request goes through the whole application as before (its middleware,
    /// routing, authentication), except that its middleware ends when the connection begins. What is encrypted by Kestrel
    /// itself, comes behind another request on the same TCP connection, or goes to a path with parameters, is served the ordinary way.
    /// </summary>
    /// <param name="builder">The application's web host. Its server is Kestrel.</param>
    /// <returns>The same.</returns>
    public static IWebHostBuilder UseCloudSyncSockets(this IWebHostBuilder builder)
    {
        ArgumentNullException.ThrowIfNull(builder);
        return builder.ConfigureServices(static services =>
        {
            if (services.Any(static service => service.ServiceType == typeof(SocketUpgrades)))
                return;
            services.AddSingleton<SocketUpgrades>();
            // The last one that can listen on an address is asked to.
            services.AddSingleton<IConnectionListenerFactory, SocketListenerFactory>();
            var server = services.LastOrDefault(static service => service.ServiceType == typeof(IServer))
                ?? throw new InvalidOperationException("UseCloudSyncSockets() comes after the web server, which is Kestrel.");
            services.Replace(ServiceDescriptor.Singleton<IServer>(provider => new SocketsServer(
                (IServer)(server.ImplementationInstance ?? server.ImplementationFactory?.Invoke(provider)
                    ?? ActivatorUtilities.CreateInstance(provider, server.ImplementationType!)),
                provider.GetRequiredService<SocketUpgrades>())));
        });
    }
}
