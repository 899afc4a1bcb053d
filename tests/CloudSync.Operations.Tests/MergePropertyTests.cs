// What must hold for all operations, tried on random ones.

using System.Buffers;
using CloudSync.Verification.RichText;
using CsCheck;
using Xunit;

namespace CloudSync.Operations.Tests;

public sealed class MergePropertyTests
{
    private const int Cases = 5_000;

    [Theory, InlineData(false), InlineData(true)]
    public void Two_concurrent_operations_lead_to_one_document_in_either_order(bool plain) =>
        RandomDeltaGen.Of(plain).Sample(
            make =>
            {
                var document = make.Document(6);
                var (a, b) = (make.Operation(document), make.Operation(document));
                var left = document.Compose(a).Compose(b.Transform(a, Side.Right));
                var right = document.Compose(b).Compose(a.Transform(b, Side.Left));
                Assert.Equal(left, right);
            },
            iter: Cases);

    [Theory, InlineData(false), InlineData(true)]
    public void Composing_is_associative_and_agrees_with_applying_in_turn(bool plain) =>
        RandomDeltaGen.Of(plain).Sample(
            make =>
            {
                var document = make.Document(6);
                var a = make.Operation(document);
                var b = make.Operation(document.Compose(a));
                var c = make.Operation(document.Compose(a).Compose(b));
                var ab = a.Compose(b);
                var bc = b.Compose(c);
                Assert.Equal(ab.Compose(c), a.Compose(bc));

                var type = plain ? DocumentType.Text : DocumentType.RichText;
                var inTurn = type.DecodeSnapshot(document.Bytes.Span);
                foreach (var operation in new[] { a, b, c })
                    inTurn.Apply(operation.Bytes.Span);
                var atOnce = type.DecodeSnapshot(document.Bytes.Span);
                atOnce.Apply(ab.Compose(c).Bytes.Span);
                Assert.Equal(Delta.FromState(inTurn), Delta.FromState(atOnce));
                Assert.Equal(document.Compose(ab).Compose(c), Delta.FromState(inTurn));
                Assert.Equal(Delta.FromState(inTurn).Components.Sum(x => x.Length), inTurn.Length);
            },
            iter: Cases);

    [Theory, InlineData(false), InlineData(true)]
    public void Taking_back_an_operation_restores_the_document(bool plain) =>
        RandomDeltaGen.Of(plain).Sample(
            make =>
            {
                var document = make.Document(6);
                var operation = make.Operation(document);
                Assert.Equal(document, document.Compose(operation).Compose(operation.Invert(document)));
            },
            iter: Cases);

    /// <summary>
    /// Catch-up composes a run of committed operations. For what a key or a paste does (insert, delete or replace in one
    /// place) that must make no difference.
    /// </summary>
    [Theory, InlineData(false), InlineData(true)]
    public void An_edit_in_one_place_goes_over_a_composition_as_over_its_parts(bool plain) =>
        RandomDeltaGen.Of(plain).Sample(
            make => Assert.True(
                GoesOverACompositionAsOverItsParts(make, (from, document) => from.EditInOnePlace(document))),
            iter: 4 * Cases);

    /// <summary>The one exception, which docs/operations.md describes; quill-delta has it too, and more of them.</summary>
    [Fact]
    public void Only_an_edit_that_deletes_and_then_inserts_further_on_may_go_over_a_composition_otherwise()
    {
        RandomDeltaGen.Of().Sample(
            make => Assert.True(GoesOverACompositionAsOverItsParts(make, (from, document) => from.Operation(document, 8))
                || LastOperationDeletesBeforeItInserts(make)),
            iter: 4 * Cases);
    }

    /// <summary>
    /// Why there is that exception: nothing that composing could write would do. Whoever changes the rules of composing
    /// to close it changes quill-delta's transform.
    /// </summary>
    [Fact]
    public void No_composition_sends_an_insert_where_transforming_in_turn_sends_it_after_a_delete()
    {
        var document = Delta.FromPlainText("abc");
        var operation = Delta.ParseJson("""[{"delete":1},{"retain":1},{"insert":"X"}]""");
        var first = Delta.ParseJson("""[{"retain":1},{"delete":1}]""");
        var second = Delta.ParseJson("""[{"retain":1},{"insert":"Y"}]""");
        Delta After(Delta over) => document.Compose(over).Compose(operation.Transform(over, Side.Right));
        var inTurn = operation.Transform(first, Side.Right).Transform(second, Side.Right);
        Assert.Equal(Delta.FromPlainText("XYc"), document.Compose(first).Compose(second).Compose(inTurn));

        // All ways in which an operation can make "aYc" of "abc" and leave a and c alone: the insert before the delete,
        // and behind it.
        foreach (var composed in new[]
        {
            Delta.ParseJson("""[{"retain":1},{"insert":"Y"},{"delete":1}]"""),
            Delta.ParseJson("""[{"retain":1},{"delete":1},{"insert":"Y"}]"""),
        })
        {
            Assert.Equal(first.Compose(second), composed);
            Assert.Equal(Delta.FromPlainText("YXc"), After(composed));
        }
    }

    [Theory, InlineData(false), InlineData(true)]
    public void A_composition_goes_over_an_edit_as_its_parts_do(bool plain) =>
        RandomDeltaGen.Of(plain).Sample(
            make =>
            {
                var document = make.Document(6);
                var edit = make.EditInOnePlace(document);
                var first = make.Operation(document);
                var second = make.Operation(document.Compose(first));
                var composed = Ordered(first, second);

                var atOnce = document.Compose(edit).Compose(composed.Transform(edit, Side.Left));
                var rebased = edit.Transform(first, Side.Right);
                var inTurn = document.Compose(edit)
                    .Compose(first.Transform(edit, Side.Left))
                    .Compose(second.Transform(rebased, Side.Left));
                Assert.Equal(inTurn, atOnce);
            },
            iter: 2 * Cases);

    [Fact]
    public void A_position_goes_where_an_insert_there_would_go() =>
        RandomDeltaGen.Of().Sample(
            make =>
            {
                var document = make.Document(6);
                var operation = make.Operation(document);
                var length = document.Components.Sum(c => c.Length);
                var side = make.Side();
                for (var at = 0; at <= length; at++)
                {
                    var marker = Delta.Build().Retain(at).Insert("|").ToDelta().Transform(operation, side);
                    var expected = marker.Components[0].Kind == DeltaKind.Retain ? marker.Components[0].Length : 0;
                    Assert.Equal(expected, operation.TransformPosition(at, side));
                }
            },
            iter: Cases);

    [Fact]
    public void A_measure_says_what_fits_and_how_the_length_changes() =>
        RandomDeltaGen.Of().Sample(
            make =>
            {
                var document = make.Document(6);
                var operation = make.Operation(document);
                var state = DocumentType.RichText.DecodeSnapshot(document.Bytes.Span);
                var before = state.Length;
                var measure = DocumentType.RichText.Measure(operation.Bytes.Span);
                Assert.True(measure.RequiredLength <= before);
                state.Apply(operation.Bytes.Span);
                Assert.Equal(before + measure.LengthChange, state.Length);
            },
            iter: Cases);

    [Fact]
    public void Json_and_bytes_carry_the_same_delta() =>
        RandomDeltaGen.Of().Sample(
            make =>
            {
                var delta = make.Operation(make.Document(6));
                Assert.Equal(delta, Delta.ParseJson(delta.ToJson()));
                Assert.Equal(delta.Bytes.ToArray(), Delta.FromBytes(delta.Bytes).Bytes.ToArray());
            },
            iter: Cases);

    [Fact]
    public void Any_bytes_are_an_operation_or_refused() =>
        Gen.OneOf(
            Gen.Byte.Array[0, 40],
            Gen.Select(RandomDeltaGen.Of(), Gen.Int[0, 1000], Gen.Byte, (make, at, value) =>
            {
                var bytes = make.Operation(make.Document(6)).Bytes.ToArray();
                if (bytes.Length > 0)
                    bytes[at % bytes.Length] = value;
                return bytes;
            })).Sample(
            bytes =>
            {
                var valid = Delta.ParseJson("""{"ops":[{"insert":"a😀b"},{"insert":{"image":"x"}},{"retain":9,"attributes":{"b":1}}]}""");
                var output = new ArrayBufferWriter<byte>();
                foreach (var type in new[] { DocumentType.RichText, DocumentType.Text })
                {
                    Try(() => type.Measure(bytes));
                    Try(() => type.DecodeSnapshot(bytes));
                    Try(() => type.DecodeSnapshot(Delta.FromPlainText("a😀bcdefghijk").Bytes.Span).Apply(bytes));
                    Try(() => type.DecodeSnapshot(Delta.FromPlainText("a😀bcdefghijk").Bytes.Span).Invert(bytes, output));
                    Try(() => type.TransformPosition(3, bytes, Side.Right));
                    Try(() => type.Transform(bytes, valid.Bytes.Span, Side.Left, output));
                    Try(() => type.Transform(valid.Bytes.Span, bytes, Side.Right, output));
                    Try(() => type.Transform(bytes, bytes, Side.Right, output));
                    Try(() => type.Compose(bytes, valid.Bytes.Span, output));
                    Try(() => type.Compose(valid.Bytes.Span, bytes, output));
                    Try(() => type.Compose(bytes, bytes, output));
                }

                Try(() => Assert.Equal(Delta.FromBytes(bytes), Delta.ParseJson(Delta.FromBytes(bytes).ToJson())));
            },
            iter: 20_000);

    private static bool GoesOverACompositionAsOverItsParts(RandomDeltas make, Func<RandomDeltas, Delta, Delta> edit)
    {
        var document = make.Document(6);
        var first = make.Operation(document);
        var second = make.Operation(document.Compose(first));
        var operation = edit(make, document);
        make.Last = operation;
        var inTurn = operation.Transform(first, Side.Right).Transform(second, Side.Right);
        return inTurn.Equals(operation.Transform(Ordered(first, second), Side.Right));
    }

    private static bool LastOperationDeletesBeforeItInserts(RandomDeltas make)
    {
        var kinds = make.Last!.Components.Select(c => c.Kind).ToList();
        var delete = kinds.IndexOf(DeltaKind.Delete);
        return delete >= 0 && kinds.FindLastIndex(k => k is DeltaKind.InsertText or DeltaKind.InsertEmbed) > delete;
    }

    // Composed as the document layer composes.
    private static Delta Ordered(Delta first, Delta second)
    {
        var output = new ArrayBufferWriter<byte>();
        DocumentType.RichText.Compose(first.Bytes.Span, second.Bytes.Span, output);
        Assert.Equal(first.Compose(second), Delta.FromBytes(output.WrittenMemory));
        return Delta.FromBytes(output.WrittenMemory);
    }

    private static void Try(Action action)
    {
        try
        {
            action();
        }
        catch (OperationException)
        {
        }
    }
}
