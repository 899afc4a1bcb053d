// A connection to RabbitMQ: made when somebody needs it, made anew when it broke. The library's own recovery is off: a
// consumer must know that its channel is a new one, and a publisher that its confirms are lost.

using CloudSync.Delivery;
using Microsoft.Extensions.Logging;
using RabbitMQ.Client;
using RabbitMQ.Client.Exceptions;

namespace CloudSync.RabbitMq;

/// <summary>Thread-safe.</summary>
internal sealed class RabbitMqConnection : IAsyncDisposable
{
    private static readonly TimeSpan _closePatience = TimeSpan.FromSeconds(2);

    private const int NotAllowed = 530;
    private const int AccessRefused = 403;
    private const int PreconditionFailed = 406;

    private readonly ConnectionFactory _factory;
    private readonly RabbitMqOptions _options;
    private readonly RabbitMqMetrics _metrics;
    private readonly ILogger _logger;
    private readonly SemaphoreSlim _connecting = new(1);
    private volatile IConnection? _connection;
    private volatile string? _blocked;
    private bool _disposed;

    public RabbitMqConnection(RabbitMqOptions options, string name, RabbitMqMetrics metrics, ILogger logger)
    {
        (_options, _metrics, _logger) = (options, metrics, logger);
        _factory = new ConnectionFactory
        {
            Uri = new Uri(_options.Uri),
            ClientProvidedName = name,
            AutomaticRecoveryEnabled = false,
            TopologyRecoveryEnabled = false,
            RequestedHeartbeat = TimeSpan.FromSeconds(10),
            RequestedConnectionTimeout = _options.Timeout,
            ContinuationTimeout = _options.Timeout,
            HandshakeContinuationTimeout = _options.Timeout,
        };
    }

    /// <summary>Why the server takes no messages just now: a memory or disk alarm. Null if it does.</summary>
    public string? Blocked => _blocked;

    /// <exception cref="DeliveryUnavailableException">It can't be reached just now.</exception>
    /// <exception cref="DeliveryUnusableException">It refuses what is configured.</exception>
    public async Task<IChannel> OpenChannelAsync(CreateChannelOptions options, CancellationToken cancellationToken) =>
        (await OpenAsync(options, cancellationToken)).Channel;

    /// <summary>The same, with the connection that the channel is on, to abandon that one and no later one.</summary>
    public async Task<(IChannel Channel, IConnection Connection)> OpenAsync(
        CreateChannelOptions options, CancellationToken cancellationToken)
    {
        var connection = await ConnectAsync(cancellationToken);
        try
        {
            return (await connection.CreateChannelAsync(options, cancellationToken), connection);
        }
        catch (Exception exception) when (exception is not OperationCanceledException || !cancellationToken.IsCancellationRequested)
        {
            throw Explain(exception);
        }
    }

    /// <summary>Gives the connection up: it doesn't answer any more. The next who needs it gets a new one.</summary>
    public void Abandon()
    {
        if (Interlocked.Exchange(ref _connection, null) is not { } connection)
            return;
        // Nobody will say of this one that it is over.
        Unblock();
        _ = CloseAsync(connection);
    }

    /// <summary>The same, if it still is this one.</summary>
    public void Abandon(IConnection connection)
    {
        if (Interlocked.CompareExchange(ref _connection, null, connection) != connection)
            return;
        Unblock();
        _ = CloseAsync(connection);
    }

    /// <summary>What went wrong, in words for an operator.</summary>
    public Exception Explain(Exception exception)
    {
        for (var cause = exception; cause is not null; cause = cause.InnerException)
        {
            switch (cause)
            {
                case DeliveryUnavailableException or DeliveryUnusableException:
                    return cause;
                case AuthenticationFailureException or PossibleAuthenticationFailureException:
                    return new DeliveryUnusableException(
                        $"RabbitMQ at {Address} refused the login of '{_factory.UserName}'. Check {RabbitMqOptions.UriSetting}.", exception);
                case OperationInterruptedException { ShutdownReason.ReplyCode: NotAllowed or AccessRefused } refused:
                    return new DeliveryUnusableException(
                        $"RabbitMQ at {Address} refused '{_factory.UserName}' the virtual host '{_factory.VirtualHost}' or what is in it: "
                        + $"{refused.ShutdownReason!.ReplyText.TrimEnd('.')}. Check {RabbitMqOptions.UriSetting}.",
                        exception);
                case OperationInterruptedException { ShutdownReason.ReplyCode: PreconditionFailed } other:
                    return new DeliveryUnusableException(
                        $"RabbitMQ at {Address} has a queue or exchange that was declared otherwise: {other.ShutdownReason!.ReplyText.TrimEnd('.')}. "
                        + $"Delete it, or use another virtual host ({RabbitMqOptions.UriSetting}).",
                        exception);
            }
        }

        if (exception is OperationInterruptedException { ShutdownReason: { Initiator: ShutdownInitiator.Peer } said })
            return new DeliveryUnavailableException($"RabbitMQ at {Address} could not do what it was asked for: {said.ReplyText}", exception);
        var innermost = exception;
        while (innermost.InnerException is { } inner)
            innermost = inner;
        return new DeliveryUnavailableException(
            $"RabbitMQ at {Address} can't be reached ({RabbitMqOptions.UriSetting}): {innermost.Message}", exception);
    }

    public async ValueTask DisposeAsync()
    {
        _disposed = true;
        if (Interlocked.Exchange(ref _connection, null) is { } connection)
            // What a dead queue holds up takes its time, and nobody waits for it.
            await Task.WhenAny(CloseAsync(connection), Task.Delay(_closePatience));
        _connecting.Dispose();
    }

    private string Address => $"{_factory.HostName}:{_factory.Endpoint.Port}";

    private async Task<IConnection> ConnectAsync(CancellationToken cancellationToken)
    {
        if (_connection is { IsOpen: true } open)
            return open;
        ObjectDisposedException.ThrowIf(_disposed, this);
        await _connecting.WaitAsync(cancellationToken);
        try
        {
            if (_connection is { IsOpen: true } meanwhile)
                return meanwhile;
            Abandon();
            using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            patience.CancelAfter(_options.Timeout);
            IConnection connection;
            try
            {
                connection = await _factory.CreateConnectionAsync(patience.Token);
            }
            catch (Exception exception) when (!cancellationToken.IsCancellationRequested)
            {
                throw Explain(exception);
            }

            connection.ConnectionBlockedAsync += (_, blocked) =>
            {
                _blocked = blocked.Reason;
                _metrics.SetBlocked(true);
                _logger.Blocked(Address, blocked.Reason);
                return Task.CompletedTask;
            };
            connection.ConnectionUnblockedAsync += (_, _) =>
            {
                Unblock();
                _logger.Unblocked(Address);
                return Task.CompletedTask;
            };
            connection.ConnectionShutdownAsync += (_, shutdown) =>
            {
                _metrics.Disconnected();
                if (shutdown.Initiator != ShutdownInitiator.Application)
                    _logger.ConnectionLost(Address, shutdown.ReplyText);
                return Task.CompletedTask;
            };
            _metrics.Connected();
            _logger.Connected(Address);
            return _connection = connection;
        }
        finally
        {
            _connecting.Release();
        }
    }

    // Connections that only consume are never blocked, and have nothing to say of it.
    private void Unblock()
    {
        if (Interlocked.Exchange(ref _blocked, null) is not null)
            _metrics.SetBlocked(false);
    }

    private static async Task CloseAsync(IConnection connection)
    {
        try
        {
            await connection.CloseAsync(_closePatience);
        }
        catch (Exception)
        {
            // It was broken already.
        }

        await connection.DisposeAsync();
    }
}
