// A view of a document that lags behind its client: others' operations stay outside until they are let in. What is typed
// on the view is moved over those that wait, and they over it: the same merge that a client does with the server.

using System.Buffers;
using CloudSync.Client;
using CloudSync.Operations;

namespace CloudSync.Bench.Replay;

/// <summary>Type and the client's changes meet under the client's lock; LetIn takes it too.</summary>
internal sealed class HeldView
{
    private readonly Replica _replica;
    private readonly DocumentType _type;
    private readonly DocumentState _shown;
    private readonly List<(long Version, byte[] Operation)> _held = [];

    public HeldView(Replica replica)
    {
        _replica = replica;
        _type = replica.Document.Type;
        _shown = _type.DecodeSnapshot(replica.Document.Content.Bytes.Span);
        replica.Heard += change => _held.Add((change.Version, change.Delta.Bytes.ToArray()));
    }

    /// <summary>The most operations that ever waited.</summary>
    public int MostHeld { get; private set; }

    /// <summary>Shows what is typed on the view; returns what it is on the document. Called from inside an edit.</summary>
    public Delta Type(Delta keystroke)
    {
        _shown.Apply(keystroke.Bytes.Span);
        MostHeld = Math.Max(MostHeld, _held.Count);
        ReadOnlyMemory<byte> typed = keystroke.Bytes;
        for (var i = 0; i < _held.Count; i++)
        {
            var (version, held) = _held[i];
            _held[i] = (version, Transform(held, typed, Side.Left));
            typed = Transform(typed, held, Side.Right);
        }

        return Delta.FromBytes(typed);
    }

    /// <summary>Shows what others had committed up to a version.</summary>
    public void LetIn(long version) => _replica.Document.Edit(() =>
    {
        var count = _held.FindIndex(held => held.Version > version);
        count = count < 0 ? _held.Count : count;
        foreach (var (_, operation) in _held.Take(count))
            _shown.Apply(operation);
        _held.RemoveRange(0, count);
        return Delta.Empty;
    });

    public string ToPlainText() => Delta.FromState(_shown).ToPlainText();

    private byte[] Transform(ReadOnlyMemory<byte> operation, ReadOnlyMemory<byte> over, Side side)
    {
        var output = new ArrayBufferWriter<byte>();
        _type.Transform(operation.Span, over.Span, side, output);
        return output.WrittenSpan.ToArray();
    }
}
