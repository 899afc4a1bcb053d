// The disk of a device: outlives the programs on it. What a FileClientOutbox does to one is done here: a value is written beside and
// renamed, and the rename is safe when the folder was flushed.

using CloudSync.Simulation.Checking;

namespace CloudSync.Simulation.Parts;

internal sealed class SimulatedDisk(Random random)
{
    private readonly Dictionary<string, Kept> _values = new(StringComparer.Ordinal);

    // Renamed since the folder was flushed last: what was there before.
    private readonly Dictionary<string, Kept?> _unflushed = new(StringComparer.Ordinal);

    /// <summary>It takes so many times as long.</summary>
    public double Slowness { get; set; } = 1;

    /// <summary>Of the writes, so many fail: some before they are seen, some after.</summary>
    public double FailureRate { get; set; }

    public Random Random => random;

    /// <summary>Called once, when a content has been written and the edits that refer to it have not.</summary>
    public Action? ContentWritten { get; set; }

    /// <param name="Value">What was written.</param>
    /// <param name="Mark">What a document was at that moment; null for what isn't the edits of one.</param>
    private sealed record Kept(byte[] Value, KeptMark? Mark);

    /// <summary>How long a write takes.</summary>
    public TimeSpan NextWrite() => TimeSpan.FromMilliseconds(0.2 + (4 * random.NextDouble())) * Slowness;

    public byte[]? Find(string name) => _values.GetValueOrDefault(name)?.Value;

    public KeptMark? FindMark(string name) => _values.GetValueOrDefault(name)?.Mark;

    /// <summary>Replaces or removes a value: it is seen from now on, and will be after a loss of power when the folder was flushed.</summary>
    public void Rename(string name, byte[]? value, KeptMark? mark)
    {
        _unflushed.TryAdd(name, _values.GetValueOrDefault(name));
        Put(name, value is null ? null : new(value, mark));
        if (value is null || !name.Contains(".content-", StringComparison.Ordinal) || ContentWritten is not { } written)
            return;
        ContentWritten = null;
        written();
    }

    public void Flush() => _unflushed.Clear();

    /// <summary>What wasn't flushed may be there or not.</summary>
    public void LosePower()
    {
        foreach (var (name, before) in _unflushed)
        {
            if (random.Next(2) == 0)
                Put(name, before);
        }

        _unflushed.Clear();
    }

    private void Put(string name, Kept? kept)
    {
        if (kept is null)
            _values.Remove(name);
        else
            _values[name] = kept;
    }
}
