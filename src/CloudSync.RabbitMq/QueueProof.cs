// Makes a subscriber's queues, and entrusts nothing to one before it has proved itself.
//
// RabbitMQ keeps the names of its quorum queues in a file that it writes half a second after they were last changed. Killed
// before that, it comes back with a queue that has no leader and never gets one: no message to it is confirmed, no consumer
// answered, and what was confirmed before is gone. So a queue is made, left alone until its name is on disk, asked whether it
// answers, and only then bound. What is not bound has never held a message: if it is dead, it is deleted and made anew. One
// that is bound is never deleted here, whatever it does: it may hold what was confirmed, and have lost its majority.

using CloudSync.Delivery;
using Microsoft.Extensions.Logging;
using RabbitMQ.Client;
using RabbitMQ.Client.Events;
using RabbitMQ.Client.Exceptions;

namespace CloudSync.RabbitMq;

internal sealed class QueueProof(
    RabbitMqTopology topology, RabbitMqConnections connections, RabbitMqOptions options, TimeProvider time, ILogger logger)
    : IDisposable
{
    private const int TriesMax = 3;
    private const ushort NotFound = 404;
    // A new and empty queue answers in milliseconds. One that was only slow is made anew, and nothing is lost.
    private static readonly TimeSpan _answerPatience = TimeSpan.FromSeconds(5);
    private static readonly CreateChannelOptions _plain = new(false, false);

    private readonly SemaphoreSlim _one = new(1);

    /// <summary>When it returns, the queues are there, bound, and trusted.</summary>
    /// <exception cref="DeliveryUnavailableException">Not just now.</exception>
    /// <exception cref="DeliveryUnusableException">One is declared otherwise.</exception>
    public async Task EnsureAsync(IReadOnlyList<RabbitMqQueue> queues, CancellationToken cancellationToken)
    {
        // Two of them would take a queue that the other just makes for a dead one.
        await _one.WaitAsync(cancellationToken);
        try
        {
            var fresh = await BindTrustedAsync(queues, cancellationToken);
            for (var tries = 1; fresh.Count > 0; tries++)
            {
                if (tries > TriesMax)
                    throw new DeliveryUnavailableException($"RabbitMQ's new queue '{fresh[0].Name}' doesn't answer.");
                fresh = await MakeAsync(fresh, cancellationToken);
            }
        }
        catch (Exception exception) when (!cancellationToken.IsCancellationRequested)
        {
            throw connections.Consuming.Explain(exception);
        }
        finally
        {
            _one.Release();
        }
    }

    public void Dispose() => _one.Dispose();

    /// <summary>Those that are not trusted yet.</summary>
    private async Task<List<RabbitMqQueue>> BindTrustedAsync(
        IReadOnlyList<RabbitMqQueue> queues, CancellationToken cancellationToken)
    {
        var fresh = new List<RabbitMqQueue>();
        await using var channel = await OpenAsync(cancellationToken);
        await topology.DeclareExchangeAsync(channel, cancellationToken);
        foreach (var queue in queues)
        {
            if (!await IsTrustedAsync(queue, cancellationToken))
            {
                fresh.Add(queue);
                continue;
            }

            await RabbitMqTopology.DeclareQueueAsync(channel, queue, cancellationToken);
            await topology.BindAsync(channel, queue, cancellationToken);
        }

        return fresh;
    }

    /// <summary>Those that are to be made again: they turned out to be dead, and are no more.</summary>
    private async Task<List<RabbitMqQueue>> MakeAsync(List<RabbitMqQueue> queues, CancellationToken cancellationToken)
    {
        // The same channel before and after: the server has not been away meanwhile.
        await using var channel = await OpenAsync(cancellationToken);
        foreach (var queue in queues)
            await RabbitMqTopology.DeclareQueueAsync(channel, queue, cancellationToken);
        await Task.Delay(options.Settling, time, cancellationToken);
        var (again, dead) = (new List<RabbitMqQueue>(), new List<RabbitMqQueue>());
        foreach (var queue in queues)
        {
            var answer = await AskAsync(queue, cancellationToken);
            if (answer == Answer.Well)
            {
                await topology.BindAsync(channel, queue, cancellationToken);
                continue;
            }

            again.Add(queue);
            if (answer == Answer.None)
                dead.Add(queue);
        }

        foreach (var queue in dead)
        {
            // Another process may have made it anew meanwhile, and trusts it.
            if (await IsTrustedAsync(queue, cancellationToken))
                continue;
            logger.QueueMadeAnew(queue.Name);
            await channel.QueueDeleteAsync(queue.Name, ifUnused: false, ifEmpty: false, cancellationToken: cancellationToken);
        }

        return again;
    }

    private async Task<bool> IsTrustedAsync(RabbitMqQueue queue, CancellationToken cancellationToken)
    {
        // The question ends its channel if the answer is no.
        await using var channel = await OpenAsync(cancellationToken);
        try
        {
            await channel.ExchangeDeclarePassiveAsync(queue.Name, cancellationToken);
            return true;
        }
        catch (OperationInterruptedException exception) when (exception.ShutdownReason?.ReplyCode == NotFound)
        {
            return false;
        }
    }

    /// <summary>Whether the queue has a leader: only that one can let a consumer in. Nothing is in it to be consumed.</summary>
    private async Task<Answer> AskAsync(RabbitMqQueue queue, CancellationToken cancellationToken)
    {
        // A dead queue holds up its channel for minutes, or ends its connection; nobody waits for that.
        var apart = connections.Apart(queue.Name);
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        try
        {
            var channel = await apart.OpenChannelAsync(_plain, cancellationToken);
            patience.CancelAfter(_answerPatience);
            await channel.BasicConsumeAsync(queue.Name, autoAck: false, new AsyncEventingBasicConsumer(channel), patience.Token);
            return Answer.Well;
        }
        catch (OperationInterruptedException exception) when (exception.ShutdownReason?.ReplyCode == NotFound)
        {
            // Another process took it for dead, as this one may have; it is not this one's turn to delete it.
            return Answer.Gone;
        }
        catch (Exception exception) when (
            !cancellationToken.IsCancellationRequested
            && exception is OperationCanceledException or TimeoutException or OperationInterruptedException)
        {
            return Answer.None;
        }
        finally
        {
            apart.Abandon();
        }
    }

    private enum Answer
    {
        Well,
        None,
        Gone,
    }

    private Task<IChannel> OpenAsync(CancellationToken cancellationToken) =>
        connections.Consuming.OpenChannelAsync(_plain, cancellationToken);
}
