// Kestrel's transport, with us in front of it: the same sockets, made and set up as Kestrel would.

using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace CloudSync.Gateway.Sockets;

internal sealed class SocketListenerFactory(
    SocketUpgrades upgrades, IOptions<SocketTransportOptions> options, IMemoryPoolFactory<byte> pools, ILoggerFactory logs)
    : IConnectionListenerFactory, IConnectionListenerFactorySelector
{
    public bool CanBind(EndPoint endpoint) => endpoint is IPEndPoint;

    public ValueTask<IConnectionListener> BindAsync(EndPoint endpoint, CancellationToken cancellationToken = default)
    {
        Socket? socket = null;
        try
        {
            socket = options.Value.CreateBoundListenSocket(endpoint);
            socket.Listen(options.Value.Backlog);
        }
        catch (SocketException exception)
        {
            socket?.Dispose();
            // By this kind of exception Kestrel knows that the address is there, and somebody else's.
            if (exception.SocketErrorCode == SocketError.AddressAlreadyInUse)
                throw new AddressInUseException(exception.Message, exception);
            throw;
        }

        return new(new SocketListener(socket, upgrades, CreateContexts(), pools.Create(), options.Value.NoDelay, logs));
    }

    private SocketConnectionContextFactory CreateContexts() => new(
        new SocketConnectionFactoryOptions
        {
            IOQueueCount = options.Value.IOQueueCount,
            WaitForDataBeforeAllocatingBuffer = options.Value.WaitForDataBeforeAllocatingBuffer,
            MaxReadBufferSize = options.Value.MaxReadBufferSize,
            MaxWriteBufferSize = options.Value.MaxWriteBufferSize,
            UnsafePreferInlineScheduling = options.Value.UnsafePreferInlineScheduling,
        },
        logs.CreateLogger<SocketConnectionContextFactory>());
}
