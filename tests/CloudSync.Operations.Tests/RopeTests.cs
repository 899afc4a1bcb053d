// The structure that holds a document: against a plain string, in shape, and shared between forks.

using System.Text;
using System.Text.Json.Nodes;
using CloudSync.Verification.RichText;
using CsCheck;
using Xunit;

namespace CloudSync.Operations.Tests;

public sealed class RopeTests
{
    private static readonly string[] s_pieces = ["x", "é", "文", "😀", "\n", "ab", "hello, world", "😀😀😀"];

    [Fact]
    public void Edits_of_a_long_text_give_what_a_string_gives() =>
        Gen.Int[0, int.MaxValue - 1].Sample(
            seed =>
            {
                var random = new Random(seed);
                var text = new StringBuilder();
                var state = DocumentType.Text.CreateEmpty();
                var forks = new List<(DocumentState State, string Text)>();
                var caret = 0;
                for (var i = 0; i < 400; i++)
                {
                    if (random.Next(3) == 0)
                        caret = random.Next(text.Length + 1);
                    caret = OutsidePair(text, Math.Min(caret, text.Length));
                    var size = random.Next(12) == 0 ? random.Next(2000) : random.Next(3);
                    if (random.Next(5) < (text.Length > 6000 ? 3 : 2))
                    {
                        var end = OutsidePair(text, Math.Min(text.Length, caret + size));
                        if (end <= caret)
                            continue;
                        state.Apply(Delta.Build().Retain(caret).Delete(end - caret).ToDelta().Bytes.Span);
                        text.Remove(caret, end - caret);
                    }
                    else
                    {
                        var piece = new StringBuilder();
                        do
                            piece.Append(s_pieces[random.Next(random.Next(2) == 0 ? 1 : s_pieces.Length)]);
                        while (piece.Length < size);
                        state.Apply(Delta.Build().Retain(caret).Insert(piece.ToString()).ToDelta().Bytes.Span);
                        text.Insert(caret, piece);
                        caret += piece.Length;
                    }

                    if (random.Next(10) == 0)
                        forks.Add((state.Fork(), text.ToString()));
                    if (random.Next(40) == 0)
                    {
                        // The writer may go on in the fork as well.
                        forks.Add((state, text.ToString()));
                        state = state.Fork();
                    }

                    Verify(state);
                }

                forks.Add((state, text.ToString()));
                foreach (var (fork, expected) in forks)
                {
                    Assert.Equal(expected.Length, fork.Length);
                    Assert.Equal(expected, Delta.FromState(fork).ToPlainText());
                    Verify(fork);
                }
            },
            iter: 60);

    [Fact]
    public void Edits_of_a_long_rich_document_give_what_composing_gives() =>
        Gen.Int[0, int.MaxValue - 1].Sample(
            seed =>
            {
                var random = new Random(seed);
                var make = new RandomDeltas(random);
                var document = make.Document(600);
                var state = DocumentType.RichText.DecodeSnapshot(document.Bytes.Span);
                for (var i = 0; i < 60; i++)
                {
                    var operation = make.Operation(document, 1 + random.Next(60));
                    var undo = operation.Invert(document);
                    var before = state.Fork();
                    state.Apply(operation.Bytes.Span);
                    document = document.Compose(operation);
                    Assert.Equal(document, Delta.FromState(state));
                    Verify(state);

                    var undone = state.Fork();
                    undone.Apply(undo.Bytes.Span);
                    Assert.Equal(Delta.FromState(before), Delta.FromState(undone));
                    Verify(undone);
                }
            },
            iter: 30);

    [Fact]
    public void A_document_grown_at_its_end_fills_its_leaves()
    {
        var state = DocumentType.Text.CreateEmpty();
        for (var i = 0; i < 100_000; i++)
            state.Apply(Delta.Build().Retain(i).Insert("x").ToDelta().Bytes.Span);
        Assert.Equal(100_000 / RopeLeaf.Capacity + 1, Verify(state));
        Assert.Equal(new string('x', 100_000), Delta.FromState(state).ToPlainText());
    }

    [Fact]
    public void A_document_that_was_emptied_little_by_little_holds_on_to_nothing()
    {
        var state = DocumentType.Text.DecodeSnapshot(Delta.FromPlainText(new string('x', 1_000_000)).Bytes.Span);
        // Nine of ten from everywhere, so that every leaf is left with something.
        for (var at = 0; at < state.Length; at++)
            state.Apply(Delta.Build().Retain(at).Delete(Math.Min(9, state.Length - at)).ToDelta().Bytes.Span);
        Assert.InRange(Verify(state), 100_000 / RopeLeaf.Capacity, 4 * 100_000 / RopeLeaf.Capacity);
        state.Apply(Delta.Build().Delete(state.Length).ToDelta().Bytes.Span);
        Assert.Equal(0, state.Length);
        Assert.Equal(1, Verify(state));
    }

    [Fact]
    public void A_rich_document_in_one_format_throughout_holds_one_run_for_a_leaf()
    {
        var state = DocumentType.RichText.DecodeSnapshot(Delta.FromPlainText(new string('x', 5_000)).Bytes.Span);
        for (var i = 0; i < 5_000; i++)
        {
            state.Apply(Delta.Build().Retain(i).Retain(1, new JsonObject { ["bold"] = true }).ToDelta().Bytes.Span);
            if (i % 100 == 0)
                Verify(state);
        }

        Assert.Single(Delta.FromState(state).Components);
        Assert.All(Leaves(((RichTextState)state).Rope.Root), leaf => Assert.Equal(1, leaf.Runs.Length));
        state.Apply(Delta.Build().Retain(5_000, new JsonObject { ["bold"] = null }).ToDelta().Bytes.Span);
        Assert.All(Leaves(((RichTextState)state).Rope.Root), leaf => Assert.True(leaf.IsPlain));
    }

    private static int OutsidePair(StringBuilder text, int at) =>
        at > 0 && at < text.Length && char.IsLowSurrogate(text[at]) ? at - 1 : at;

    private static IEnumerable<RopeLeaf> Leaves(RopeNode node) => node is RopeInner inner
        ? inner.Children.ToArray().SelectMany(Leaves)
        : [(RopeLeaf)node];

    /// <summary>Checks all sums, and that all leaves are equally deep; returns how many there are.</summary>
    private static int Verify(DocumentState state)
    {
        var rope = ((RichTextState)state).Rope;
        var depth = -1;
        var bytes = 0L;
        var jsonBytes = 0L;
        var leaves = 0;
        Assert.Equal(rope.Length, Walk(rope.Root, 0));
        Assert.Equal(rope.Bytes, bytes);
        Assert.Equal(bytes + jsonBytes, state.Bytes);
        return leaves;

        int Walk(RopeNode node, int level)
        {
            if (node is RopeInner inner)
            {
                Assert.InRange(inner.Count, level == 0 ? 2 : 1, RopeInner.Capacity);
                for (var i = 0; i < inner.Count; i++)
                    Assert.Equal(inner.Lengths[i], Walk(inner.Children[i], level + 1));
                return inner.TotalLength();
            }

            var leaf = (RopeLeaf)node;
            leaves++;
            bytes += leaf.Bytes;
            var leafJsonBytes = leaf.Runs.ToArray().Sum(run => (run.Attributes?.Length ?? 0) + (run.Embed?.Length ?? 0));
            Assert.Equal(leafJsonBytes, leaf.JsonBytes);
            jsonBytes += leafJsonBytes;
            Assert.Equal(depth < 0 ? level : depth, level);
            depth = level;
            Assert.True(leaf.Bytes > 0 || level == 0);
            Assert.Equal(leaf.Length, Encoding.UTF8.GetCharCount(leaf.Content));
            if (!leaf.IsPlain)
            {
                Assert.InRange(leaf.Runs.Length, 1, RopeLeaf.RunCapacity);
                Assert.Equal(leaf.Length, leaf.Runs.ToArray().Sum(run => run.Length));
                Assert.Equal(leaf.Bytes, leaf.Runs.ToArray().Sum(run => run.Bytes));
                Assert.All(leaf.Runs.ToArray(), run => Assert.True(run.Length > 0 && run.Attributes is not { Length: 0 }));
            }

            return leaf.Length;
        }
    }
}
