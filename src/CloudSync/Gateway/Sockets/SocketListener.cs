// Accepts connections, and looks at the first bytes of each, without taking them: what asks for CloudSync's endpoint is ours
// from here on, everything else Kestrel's, as if we had not been there.

using System.Buffers;
using System.Net;
using System.Net.Sockets;
using System.Threading.Channels;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.Logging;

namespace CloudSync.Gateway.Sockets;

internal sealed class SocketListener : IConnectionListener, IMemoryPoolFeature
{
    // After so many the others have their turn in the thread pool: the edits of those who are here, and the requests of those who were
    // accepted before, which would be closed for saying nothing while nobody has read them. Whoever comes meanwhile waits in the backlog,
    // where he costs nothing.
    private const int AcceptsInTurn = 16;

    // Out of files, or of memory: it may pass. Clients wait in the backlog meanwhile.
    private static readonly TimeSpan _afterFailure = TimeSpan.FromMilliseconds(100);

    private readonly Socket _listening;
    private readonly SocketUpgrades _upgrades;
    private readonly SocketConnectionContextFactory _contexts;
    private readonly bool _noDelay;
    private readonly ILogger _log;
    private readonly SilentSockets _silent;

    // Kestrel takes them as they come; accepting goes on at its pace.
    private readonly Channel<ConnectionContext> _kestrels = Channel.CreateBounded<ConnectionContext>(256);

    public SocketListener(
        Socket listening, SocketUpgrades upgrades, SocketConnectionContextFactory contexts, MemoryPool<byte> pool, bool noDelay,
        ILoggerFactory logs)
    {
        MemoryPool = pool;
        (_listening, _upgrades, _contexts, _noDelay) = (listening, upgrades, contexts, noDelay);
        EndPoint = listening.LocalEndPoint!;
        _log = logs.CreateLogger<GatewayEnvironment>();
        _silent = new SilentSockets(upgrades.Gateway);
        _ = AcceptAllAsync();
    }

    public EndPoint EndPoint { get; }

    /// <summary>
    /// Kestrel's own. Connections that are made outside of it come with another, which gives no memory to who asks for any amount.
    /// </summary>
    public MemoryPool<byte> MemoryPool { get; }

    /// <summary>The next connection that is Kestrel's; null when there are no more.</summary>
    public async ValueTask<ConnectionContext?> AcceptAsync(CancellationToken cancellationToken = default)
    {
        while (await _kestrels.Reader.WaitToReadAsync(cancellationToken))
        {
            if (_kestrels.Reader.TryRead(out var connection))
                return connection;
        }

        return null;
    }

    public ValueTask UnbindAsync(CancellationToken cancellationToken = default)
    {
        _listening.Dispose();
        return ValueTask.CompletedTask;
    }

    public ValueTask DisposeAsync()
    {
        _listening.Dispose();
        _silent.Dispose();
        _contexts.Dispose();
        MemoryPool.Dispose();
        return ValueTask.CompletedTask;
    }

    private async Task AcceptAllAsync()
    {
        for (var accepted = 1; ; accepted++)
        {
            try
            {
                if (accepted % AcceptsInTurn == 0)
                    await Task.Yield();
                _ = LookAsync(await _listening.AcceptAsync());
            }
            catch (Exception exception) when (exception is ObjectDisposedException
                or SocketException { SocketErrorCode: SocketError.OperationAborted or SocketError.Interrupted })
            {
                _kestrels.Writer.TryComplete();
                return;
            }
            catch (SocketException exception) when (exception.SocketErrorCode == SocketError.ConnectionReset)
            {
                // Gone before it was accepted.
            }
            catch (Exception exception)
            {
                GatewayLog.AcceptFailed(_log, exception);
                await Task.Delay(_afterFailure, _upgrades.Gateway.Time);
            }
        }
    }

    private async Task LookAsync(Socket socket)
    {
        var place = _silent.Add(socket);
        try
        {
            socket.NoDelay = _noDelay;
            // What is tried is tried without waiting.
            socket.Blocking = false;
            await socket.ReceiveAsync(Memory<byte>.Empty, SocketFlags.None);
            if (IsOurs(socket))
            {
                await new SocketUpgrade(socket, _upgrades).RunAsync(place);
                return;
            }

            place.Leave();
            var connection = _contexts.Create(socket);
            connection.Features.Set<IMemoryPoolFeature>(this);
            await _kestrels.Writer.WriteAsync(connection);
        }
        catch (Exception exception)
        {
            if (exception is not (SocketException or ObjectDisposedException or ChannelClosedException))
                GatewayLog.UpgradeBroke(_log, exception);
            socket.Dispose();
        }
        finally
        {
            place.Leave();
        }
    }

    private bool IsOurs(Socket socket)
    {
        Span<byte> beginning = stackalloc byte[256];
        var count = socket.Receive(
            beginning[..Math.Min(beginning.Length, _upgrades.DecidingBytes)], SocketFlags.Peek, out var error);
        return error == SocketError.Success && count > 0 && _upgrades.IsOurs(beginning[..count]);
    }
}
