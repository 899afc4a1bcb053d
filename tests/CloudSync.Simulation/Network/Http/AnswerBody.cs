// The body of an answer at the client's end: what has arrived of it, and then its end or its failure.

namespace CloudSync.Simulation.Network.Http;

/// <summary>Filled and read in the client's process, without a context.</summary>
/// <param name="askToWake">Calls <see cref="Wake"/> later, as what is cancelled may be waited for by whoever cancels.</param>
internal sealed class AnswerBody(Action askToWake) : Stream
{
    private readonly Queue<ReadOnlyMemory<byte>> _chunks = new();
    private TaskCompletionSource? _waiting;
    private Exception? _failure;
    private bool _ended;

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    public void Add(ReadOnlyMemory<byte> chunk)
    {
        if (!chunk.IsEmpty)
            _chunks.Enqueue(chunk);
        Wake();
    }

    public void End()
    {
        _ended = true;
        Wake();
    }

    public void Fail(Exception failure)
    {
        _failure ??= failure;
        Wake();
    }

    public void Wake()
    {
        var waiting = _waiting;
        _waiting = null;
        waiting?.TrySetResult();
    }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        await using var cancelled = cancellationToken.UnsafeRegister(static ask => ((Action)ask!)(), askToWake).ConfigureAwait(false);
        while (true)
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (_chunks.TryPeek(out var chunk))
            {
                var count = Math.Min(buffer.Length, chunk.Length);
                chunk[..count].CopyTo(buffer);
                _chunks.Dequeue();
                // What is left of it comes first again.
                if (count < chunk.Length)
                    PutBack(chunk[count..]);
                return count;
            }

            if (_failure is not null)
                throw _failure;
            if (_ended)
                return 0;
            _waiting ??= new();
            await _waiting.Task.ConfigureAwait(false);
        }
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override void Flush()
    {
    }

    private void PutBack(ReadOnlyMemory<byte> rest)
    {
        ReadOnlyMemory<byte>[] behind = [.. _chunks];
        _chunks.Clear();
        _chunks.Enqueue(rest);
        foreach (var chunk in behind)
            _chunks.Enqueue(chunk);
    }
}
