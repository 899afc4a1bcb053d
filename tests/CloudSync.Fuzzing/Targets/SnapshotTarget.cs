// Snapshots: decoding one, and writing it again.

using CloudSync.Operations;
using CloudSync.Verification;

namespace CloudSync.Fuzzing.Targets;

internal sealed class SnapshotTarget : IFuzzTarget
{
    public string Name => "rich-text-snapshot";

    public IEnumerable<byte[]> Seeds =>
        RichTexts.Documents.Select(document => document.Bytes.ToArray())
            .Concat(Enumerable.Range(0, 40).Select(i => Make(new SeededRandom((ulong)i))));

    public IReadOnlyList<byte[]> Dictionary => RichTexts.Dictionary;

    public byte[] Make(SeededRandom random) => RichTexts.Document(random).Bytes.ToArray();

    public void Run(byte[] input, FuzzTrace trace)
    {
        foreach (var type in new[] { DocumentType.RichText, DocumentType.Text })
        {
            DocumentState? state = null;
            if (!Oracles.Accepts(trace, $"decode {type.Name}", () => state = type.DecodeSnapshot(input)))
                continue;
            RichTexts.Describe(input, true, trace);
            Oracles.Holds(state!.Length == type.Measure(input).LengthChange, "a snapshot's length isn't what is measured");
            var snapshot = Oracles.Snapshot(state);
            var again = type.DecodeSnapshot(snapshot);
            Oracles.Holds(Oracles.Snapshot(again).AsSpan().SequenceEqual(snapshot), "a snapshot isn't stable");
            Oracles.Holds(again.Length == state.Length, "a snapshot has another length");
            Oracles.Holds(Delta.FromBytes(input).Equals(Delta.FromState(state)), "a snapshot says something else than the operation");
            // Everything deleted, nothing is left, and nothing is counted.
            if (state.Length > 0)
                state.Apply(Delta.Build().Delete(state.Length).ToDelta().Bytes.Span);
            Oracles.Holds(state.Length == 0 && state.Bytes == 0 && Oracles.Snapshot(state).Length == 0, "an empty document isn't empty");
        }
    }
}
