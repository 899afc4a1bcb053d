// The history as a file of JSON lines: written while the run goes on, read when it is over.

using System.Diagnostics;
using System.Text.Json;

namespace CloudSync.Chaos.History;

/// <summary>The history has reached its bound; the run ends here, and what there is of it is checked.</summary>
internal sealed class HistoryFullException(long bytes)
    : Exception($"The history has reached its bound of {bytes >> 20} MiB.");

/// <summary>Writes events in the order in which they are told. Thread-safe.</summary>
internal sealed class HistoryWriter : IDisposable
{
    /// <summary>About a day's events.</summary>
    public const long BytesMax = 2L << 30;

    private readonly FileStream _file;
    private readonly long _bytesMax;
    private readonly Lock _gate = new();
    private readonly long _started = Stopwatch.GetTimestamp();
    private long _number;
    private bool _closed;

    public HistoryWriter(string path, long bytesMax = BytesMax)
    {
        _bytesMax = bytesMax;
        _file = new FileStream(path, FileMode.Create, FileAccess.Write, FileShare.Read, bufferSize: 1 << 16);
    }

    /// <summary>Completes when nothing more can be written.</summary>
    public TaskCompletionSource Full { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Microseconds since the run began.</summary>
    public long Now => (long)Stopwatch.GetElapsedTime(_started).TotalMicroseconds;

    /// <summary>A number that no other edit or fault has.</summary>
    public long NextNumber() => Interlocked.Increment(ref _number);

    /// <summary>Adds an event that happened now, unless it says when.</summary>
    /// <returns>When it happened.</returns>
    public long Add(HistoryEvent told)
    {
        lock (_gate)
        {
            // Under the lock: what happens now stands in the file in the order in which it happened.
            var at = told.At != 0 ? told.At : Now;
            if (_closed || Full.Task.IsCompleted)
                return at;
            JsonSerializer.Serialize(_file, told with { At = at }, HistoryJson.Default.HistoryEvent);
            _file.WriteByte((byte)'\n');
            if (_file.Position > _bytesMax)
                Full.TrySetException(new HistoryFullException(_bytesMax));
            return at;
        }
    }

    public void Dispose()
    {
        lock (_gate)
        {
            if (_closed)
                return;
            _closed = true;
            _file.Dispose();
        }
    }
}

internal static class HistoryReader
{
    /// <summary>The events of a file, in order.</summary>
    public static IEnumerable<HistoryEvent> Read(string path)
    {
        foreach (var line in File.ReadLines(path))
        {
            yield return JsonSerializer.Deserialize(line, HistoryJson.Default.HistoryEvent)
                ?? throw new InvalidDataException("An empty line in the history.");
        }
    }
}
