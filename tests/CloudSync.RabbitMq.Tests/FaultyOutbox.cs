// An outbox whose claims end, as if by a kill, between what was published and its removal.

using CloudSync.Log;

namespace CloudSync.RabbitMq.Tests;

internal sealed class FaultyOutbox : IOutbox
{
    private IOutbox? _inner;

    public int CompletionsToFail { get; set; }

    public TaskCompletionSource Completed { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public FaultyOutbox Around(IOutbox inner)
    {
        _inner = inner;
        return this;
    }

    public async Task<IOutboxClaim?> ClaimAsync(int maxBatches, CancellationToken cancellationToken) =>
        await _inner!.ClaimAsync(maxBatches, cancellationToken) is { } claim ? new Claim(this, claim) : null;

    public Task<OutboxDepth> MeasureAsync(CancellationToken cancellationToken) => _inner!.MeasureAsync(cancellationToken);

    private sealed class Claim(FaultyOutbox outbox, IOutboxClaim inner) : IOutboxClaim
    {
        public IReadOnlyList<OutboxBatch> Batches => inner.Batches;

        public async Task CompleteAsync(CancellationToken cancellationToken)
        {
            if (outbox.CompletionsToFail > 0)
            {
                outbox.CompletionsToFail--;
                throw new LogUnavailableException("The relay was killed.");
            }

            await inner.CompleteAsync(cancellationToken);
            outbox.Completed.TrySetResult();
        }

        public ValueTask DisposeAsync() => inner.DisposeAsync();
    }
}
