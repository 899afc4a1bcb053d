// A person who types at a steady rate, whatever the server does: a key is pressed when its time has come. While the operation
// before it is not acknowledged it waits, and that counts.

using System.Diagnostics;
using CloudSync.Operations;
using CloudSync.Protocol.V1;
using Google.Protobuf;

namespace CloudSync.Bench.Load;

internal sealed class LoadWriter : IAsyncDisposable
{
    private static readonly ByteString s_keystroke = ByteString.CopyFrom(Delta.FromPlainText("x").Bytes.Span);

    private readonly LoadConnection _connection;
    private readonly SemaphoreSlim _acknowledged = new(0);
    private ulong _sequence;
    private long _pressed;

    public LoadWriter(LoadConnection connection)
    {
        _connection = connection;
        connection.Committed = Take;
    }

    public LoadConnection Connection => _connection;

    /// <summary>Types until a moment; returns when the last keystroke is acknowledged.</summary>
    public async Task TypeAsync(long start, long end, double intervalTicks, double phase, CancellationToken stop)
    {
        for (var due = start + (long)(phase * intervalTicks); due < end; due += (long)intervalTicks)
        {
            var wait = Stopwatch.GetElapsedTime(Stopwatch.GetTimestamp(), due);
            if (wait > TimeSpan.Zero)
                await Task.Delay(wait, stop);
            Volatile.Write(ref _pressed, due);
            await _connection.SubmitAsync(++_sequence, s_keystroke);
            if (!await _acknowledged.WaitAsync(TimeSpan.FromSeconds(30), stop))
                throw _connection.Failure ?? new InvalidDataException("A keystroke was not acknowledged within 30 s.");
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _connection.DisposeAsync();
        _acknowledged.Dispose();
    }

    private void Take(Committed committed, long now)
    {
        var version = (long)committed.BaseVersion;
        foreach (var operation in committed.Operations)
        {
            version += (long)Math.Max(1, operation.Count);
            if (operation.ClientId != _connection.ClientId || operation.ClientSeq != _sequence)
                continue;
            _connection.Document.Pressed(version, Volatile.Read(ref _pressed));
            _acknowledged.Release();
        }
    }
}
