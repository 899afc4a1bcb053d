// Which operation wrote what stands at a position: a document with, instead of its text, the version of each insert.

using System.Buffers.Text;
using System.Text;

namespace CloudSync.Operations;

/// <summary>A stretch of a document that one operation wrote.</summary>
/// <param name="Position">Where it begins, in UTF-16 code units.</param>
/// <param name="Length">How long it is.</param>
/// <param name="Version">The version that the operation led to.</param>
public readonly record struct ProvenanceRun(int Position, int Length, long Version);

/// <summary>
/// Follows a document of text or rich text from its first operation on and knows, for each position, which operation
/// inserted what stands there. Formatting, and changes within an embed, leave that as it is. Not thread-safe.
/// </summary>
/// <remarks>
/// It is a document of its own in the same rope, in which every insert carries its version as its formatting: so following
/// takes about as long as applying. Of texts only the length counts, so a filler stands for them.
/// </remarks>
public sealed class Provenance
{
    // What stands before the version in a mark, which is JSON as all formatting is.
    private const int MarkPrefixLength = 5;

    private static readonly byte[] _filler = [.. Enumerable.Repeat((byte)'x', 1024)];

    private readonly Rope _rope = new();

    /// <summary>The document's length, in UTF-16 code units.</summary>
    public int Length => _rope.Length;

    /// <summary>Follows the next operation.</summary>
    /// <param name="version">The version that it leads to.</param>
    /// <param name="operation">Its binary form.</param>
    /// <exception cref="OperationException">It is malformed, or reaches past the end; what was followed is of no use any more.</exception>
    public void Apply(long version, ReadOnlySpan<byte> operation)
    {
        byte[]? mark = null;
        var position = 0;
        for (var reader = new ComponentReader(operation); !reader.Ended; reader.MoveNext())
        {
            if (reader.IsInsert)
            {
                mark ??= Encoding.ASCII.GetBytes($"{{\"v\":{version}}}");
                Insert(position, reader.Length, mark);
                position += reader.Length;
                continue;
            }

            if (reader.Length > _rope.Length - position)
            {
                throw new OperationException(
                    OperationError.OutOfRange, $"Version {version} reaches past the end of what was there before it.");
            }

            if (reader.Kind == DeltaKind.Delete)
                _rope.Delete(position, reader.Length);
            else
                position += reader.Length;
        }
    }

    /// <summary>Who wrote a stretch, from left to right; neighbours of one version are one run.</summary>
    /// <param name="position">Where it begins; from 0.</param>
    /// <param name="length">How long it is; it ends within the document.</param>
    public IReadOnlyList<ProvenanceRun> Read(int position, int length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(position);
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, Length - position);
        var runs = new List<ProvenanceRun>();
        var reader = _rope.Read(position, length);
        while (reader.MoveNext())
        {
            _ = Utf8Parser.TryParse(reader.Attributes.AsSpan(MarkPrefixLength), out long version, out _);
            if (runs.Count > 0 && runs[^1].Version == version)
                runs[^1] = runs[^1] with { Length = runs[^1].Length + reader.Length };
            else
                runs.Add(new ProvenanceRun(position, reader.Length, version));
            position += reader.Length;
        }

        return runs;
    }

    private void Insert(int position, int length, byte[] mark)
    {
        while (length > 0)
        {
            var part = Math.Min(length, _filler.Length);
            _rope.Insert(position, _filler.AsSpan(0, part), part, mark, null);
            position += part;
            length -= part;
        }
    }
}
