// A document and two operations on it, all three from strangers: what merging promises, promised for whatever fits.

using CloudSync.Operations;
using CloudSync.Verification;
using CloudSync.Verification.RichText;

namespace CloudSync.Fuzzing.Targets;

internal sealed class MergeTarget : IFuzzTarget
{
    private static readonly DocumentType s_type = DocumentType.RichText;

    public string Name => "rich-text-merge";

    public IEnumerable<byte[]> Seeds => Enumerable.Range(0, 100).Select(i => Make(new SeededRandom((ulong)i)));

    public IReadOnlyList<byte[]> Dictionary => RichTexts.Dictionary;

    // The document's length, the document, the first operation's length, the first operation, the second operation.
    public byte[] Make(SeededRandom random)
    {
        var make = new RandomDeltas(random, odd: true);
        var document = make.Document(8);
        var first = make.Operation(document, 8).Bytes;
        var second = make.Operation(document, 8).Bytes;
        return [.. Length(document.Bytes.Length), .. document.Bytes.Span, .. Length(first.Length), .. first.Span, .. second.Span];
    }

    public void Run(byte[] input, FuzzTrace trace)
    {
        var at = 0;
        var document = Part(input, ref at);
        var first = Part(input, ref at);
        var second = input[at..];
        DocumentState? start = null;
        if (!Oracles.Accepts(trace, "document", () => start = s_type.DecodeSnapshot(document)))
            return;
        var afterFirst = Applied(start!, first, "first", trace);
        var afterSecond = Applied(start!, second, "second", trace);
        if (afterFirst == null)
            return;
        RichTexts.Describe(first, true, trace);
        CheckInvert(start!, first, afterFirst, trace);
        CheckCompose(start!, first, second, afterFirst, trace);
        if (afterSecond == null)
            return;
        RichTexts.Describe(second, true, trace);
        CheckConvergence(first, second, afterFirst, afterSecond, trace);
    }

    private static DocumentState? Applied(DocumentState state, byte[] operation, string what, FuzzTrace trace)
    {
        var applied = state.Fork();
        return Oracles.Accepts(trace, what, () => applied.Apply(operation)) ? applied : null;
    }

    private static void CheckConvergence(
        byte[] first, byte[] second, DocumentState afterFirst, DocumentState afterSecond, FuzzTrace trace)
    {
        var secondOver = Oracles.Write(trace, "transform right", output => s_type.Transform(second, first, Side.Right, output));
        var firstOver = Oracles.Write(trace, "transform left", output => s_type.Transform(first, second, Side.Left, output));
        Oracles.Holds(secondOver != null && firstOver != null, "what fits the document can't be transformed");
        var one = Applied(afterFirst, secondOver!, "second after first", trace);
        var other = Applied(afterSecond, firstOver!, "first after second", trace);
        // Attributes of one place have a limit, which both together may exceed.
        Oracles.Holds(one == null == (other == null), "one order is refused, the other is not");
        if (one == null)
            return;
        Oracles.Holds(
            Delta.FromState(one).Equals(Delta.FromState(other!)), "two orders lead to two documents",
            Delta.FromState(one), Delta.FromState(other!));
    }

    private static void CheckCompose(
        DocumentState start, byte[] first, byte[] second, DocumentState afterFirst, FuzzTrace trace)
    {
        var inTurn = Applied(afterFirst, second, "second in turn", trace);
        var composed = Oracles.Write(trace, "compose", output => s_type.Compose(first, second, output));
        if (inTurn == null)
            return;
        Oracles.Holds(composed != null, "what can be applied in turn can't be composed");
        var atOnce = Applied(start, composed!, "composed", trace);
        Oracles.Holds(atOnce != null, "what can be applied in turn can't be applied at once");
        Oracles.Holds(
            Delta.FromState(inTurn).Equals(Delta.FromState(atOnce!)), "a composition does something else than its parts",
            Delta.FromState(inTurn), Delta.FromState(atOnce!));
    }

    private static void CheckInvert(DocumentState start, byte[] operation, DocumentState after, FuzzTrace trace)
    {
        var inverse = Oracles.Write(trace, "invert", output => start.Invert(operation, output));
        Oracles.Holds(inverse != null, "what was applied can't be inverted");
        var before = Delta.FromState(start);
        // What means nothing in a document is not brought back: as quill-delta has it.
        var odd = before.Components.Any(c => c.Embed is { Count: > 1 } || c.Attributes?.Any(a => a.Value is null) == true);
        var back = Applied(after, inverse!, "the inverse", trace);
        Oracles.Holds(back != null, "an inverse can't be applied");
        Oracles.Holds(odd || Delta.FromState(back!).Equals(before), "an inverse doesn't restore the document", Delta.FromState(back!), before);
    }

    private static byte[] Part(byte[] input, ref int at)
    {
        var length = 0;
        for (var shift = 0; shift < 14 && at < input.Length; shift += 7)
        {
            var next = input[at++];
            length |= (next & 0x7F) << shift;
            if (next < 0x80)
                break;
        }

        var part = input[at..Math.Min(input.Length, at + length)];
        at += part.Length;
        return part;
    }

    private static byte[] Length(int length) => length < 0x80 ? [(byte)length] : [(byte)(length | 0x80), (byte)(length >> 7)];
}
