// Composing a long run of operations.

using System.Buffers;
using CsCheck;
using Xunit;

namespace CloudSync.Operations.Tests;

public sealed class OperationComposerTests
{
    [Theory, InlineData(false), InlineData(true)]
    public void A_run_composed_does_what_its_operations_do_in_turn(bool plain) =>
        Gen.Select(RandomDeltaGen.Of(plain), Gen.Int[0, 60]).Sample(
            (make, count) =>
            {
                var type = plain ? DocumentType.Text : DocumentType.RichText;
                var document = make.Document(6);
                var inTurn = type.DecodeSnapshot(document.Bytes.Span);
                var composer = new OperationComposer(type);
                // Twice: what it is given first must not be left in what it is used for next.
                for (var use = 0; use < 2; use++)
                {
                    var atOnce = inTurn.Fork();
                    for (var i = 0; i < count; i++)
                    {
                        var operation = make.Operation(Delta.FromState(inTurn), 3);
                        inTurn.Apply(operation.Bytes.Span);
                        composer.Add(operation.Bytes.Span);
                    }

                    Assert.Equal(count, composer.Count);
                    var composed = new ArrayBufferWriter<byte>();
                    composer.Finish(composed);
                    Assert.Equal(0, composer.Count);
                    atOnce.Apply(composed.WrittenSpan);
                    Assert.Equal(Delta.FromState(inTurn), Delta.FromState(atOnce));
                }
            },
            iter: 2_000);

    [Fact]
    public void What_cannot_follow_is_refused_at_the_latest_in_the_end()
    {
        var composer = new OperationComposer(DocumentType.RichText);
        composer.Add(Delta.FromPlainText(new string('a', 100)).Bytes.Span);
        composer.Add(Delta.Build().RetainEmbed(new() { ["image"] = 1 }).ToDelta().Bytes.Span);

        var exception = Assert.Throws<OperationException>(() => composer.Finish(new ArrayBufferWriter<byte>()));

        Assert.Equal(OperationError.Malformed, exception.Error);
    }

    [Fact]
    public void A_run_of_nothing_is_the_empty_operation()
    {
        var composed = new ArrayBufferWriter<byte>();
        new OperationComposer(DocumentType.Text).Finish(composed);
        Assert.Equal(0, composed.WrittenCount);
    }
}
