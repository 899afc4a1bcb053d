// The binary form of an operation: decoding, measuring, applying, and merging with a few known ones.

using System.Text;
using CloudSync.Operations;
using CloudSync.Verification;
using CloudSync.Verification.RichText;

namespace CloudSync.Fuzzing.Targets;

internal sealed class OperationTarget(DocumentType type) : IFuzzTarget
{
    private readonly bool _plain = type == DocumentType.Text;

    private readonly byte[][] _documents = type == DocumentType.Text
        ? [[], Delta.FromPlainText("a😀bcdefghijk").Bytes.ToArray()]
        : [.. RichTexts.Documents.Select(document => document.Bytes.ToArray())];

    public string Name => $"{type.Name}-operation";

    public IEnumerable<byte[]> Seeds => Enumerable.Range(0, 60).Select(i => Make(new SeededRandom((ulong)i)));

    public IReadOnlyList<byte[]> Dictionary => RichTexts.Dictionary;

    public byte[] Make(SeededRandom random)
    {
        var make = new RandomDeltas(random, _plain, odd: true);
        return make.Operation(make.Document(6), 8).Bytes.ToArray();
    }

    public void Run(byte[] input, FuzzTrace trace)
    {
        var isOperation = Oracles.Accepts(trace, "measure", () =>
        {
            var measure = type.Measure(input);
            Oracles.Holds(measure.RequiredLength >= 0, "a required length is negative");
        });
        RichTexts.Describe(input, isOperation, trace);
        // What is no operation fails alike everywhere: once is enough.
        foreach (var document in isOperation ? _documents : _documents[^1..])
            Apply(document, input, isOperation, trace);
        foreach (var side in new[] { Side.Left, Side.Right })
        {
            foreach (var known in isOperation ? RichTexts.Operations : RichTexts.Operations[..1])
                Merge(input, known, side, isOperation, trace);
            Merge(input, input, side, isOperation, trace);
            Oracles.Accepts(trace, "position", () =>
            {
                foreach (var position in (ReadOnlySpan<int>)[0, 3, int.MaxValue])
                    Oracles.Holds(type.TransformPosition(position, input, side) >= 0, "a position is negative");
            });
        }

        if (!_plain)
            Decode(input, isOperation, trace);
    }

    private void Apply(byte[] document, byte[] input, bool isOperation, FuzzTrace trace)
    {
        var state = type.DecodeSnapshot(document);
        var inverse = Oracles.Write(trace, "invert", output => state.Invert(input, output));
        var fork = state.Fork();
        var length = state.Length;
        if (!Oracles.Accepts(trace, "apply", () => state.Apply(input)))
        {
            Oracles.Holds(Oracles.Snapshot(state).AsSpan().SequenceEqual(document), "a refused operation has changed the document");
            return;
        }

        Oracles.Holds(isOperation, "what is no operation was applied");
        Oracles.Holds(inverse != null, "what was applied can't be inverted");
        Oracles.Holds(Oracles.Snapshot(fork).AsSpan().SequenceEqual(document), "a fork has changed with the document");
        var measure = type.Measure(input);
        Oracles.Holds(measure.RequiredLength <= length, "it was applied to a document that is too short");
        Oracles.Holds(length + measure.LengthChange == state.Length, "the length has changed otherwise than measured");
        Oracles.Accepts(trace, "apply the inverse", () => state.Apply(inverse));

        // As much room as it takes is enough; a byte less is refused and changes nothing.
        var limited = fork.Fork();
        limited.Apply(input);
        var bytes = limited.Bytes;
        limited = fork.Fork();
        if (bytes > limited.Bytes)
        {
            Oracles.Holds(
                !Oracles.Accepts(trace, "apply with too little room", () => limited.Apply(input, bytes - 1)),
                "a document has grown beyond its limit");
            Oracles.Holds(Oracles.Snapshot(limited).AsSpan().SequenceEqual(document), "a refusal for its size has changed the document");
        }
    }

    private void Merge(byte[] input, byte[] known, Side side, bool isOperation, FuzzTrace trace)
    {
        var results = new[]
        {
            Oracles.Write(trace, "transform", output => type.Transform(input, known, side, output)),
            Oracles.Write(trace, "transform over", output => type.Transform(known, input, side, output)),
            Oracles.Write(trace, "compose", output => type.Compose(input, known, output)),
            Oracles.Write(trace, "compose after", output => type.Compose(known, input, output)),
        };
        foreach (var result in results)
        {
            if (isOperation && result != null)
                Oracles.Accepts(trace, "measure a result", () => DocumentType.RichText.Measure(result));
        }
    }

    private static void Decode(byte[] input, bool isOperation, FuzzTrace trace)
    {
        Delta? delta = null;
        var decoded = Oracles.Accepts(trace, "decode", () => delta = Delta.FromBytes(input));
        Oracles.Holds(!decoded || isOperation, "what is no operation was decoded");
        if (delta == null)
            return;
        Oracles.Holds(Delta.FromBytes(delta.Bytes).Bytes.Span.SequenceEqual(delta.Bytes.Span), "decoding isn't stable");
        Oracles.Holds(delta.Equals(Delta.ParseJson(delta.ToJson())), "it comes back otherwise from JSON", delta.ToJson());
        Oracles.Holds(delta.Components.Sum(c => (long)c.Length) >= 0, "components have negative lengths");
        _ = Encoding.UTF8.GetByteCount(delta.ToPlainText());
        _ = delta.GetHashCode();
    }
}
