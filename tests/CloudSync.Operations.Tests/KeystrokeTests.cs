// Keystrokes are applied on a way of their own: it must lead where the general one leads.

using CsCheck;
using Xunit;

namespace CloudSync.Operations.Tests;

public sealed class KeystrokeTests
{
    private static readonly string[] s_texts = ["a", "é", "中", "😀", "ab", "a😀", "\n", new('x', 64), new('x', 65), new('é', 32), new('é', 33)];

    /// <summary>A plain retain at the end changes nothing, but with it an operation is no keystroke.</summary>
    [Theory, InlineData(false), InlineData(true)]
    public void A_keystroke_does_what_the_general_way_does(bool plain) =>
        Gen.Select(RandomDeltaGen.Of(plain), Gen.Int[0, 40], Gen.Int[0, 10], Gen.Int[0, s_texts.Length - 1], Gen.Int[-1, 90]).Sample(
            (make, position, deleted, text, room) =>
            {
                var document = make.Document(8);
                var type = plain ? DocumentType.Text : DocumentType.RichText;
                var state = type.DecodeSnapshot(document.Bytes.Span);
                var build = Delta.Build().Retain(position);
                var keystroke = (deleted > 0 ? build.Delete(deleted) : build.Insert(s_texts[text])).ToDelta().Bytes.ToArray();
                var general = state.Fork();
                var fits = position + deleted < state.Length;
                byte[] longer = fits ? [.. keystroke, 1 << 3] : keystroke;

                var expected = Outcome(general, longer, general.Bytes + room);
                var actual = Outcome(state, keystroke, state.Bytes + room);

                Assert.Equal(expected, actual);
                Assert.Equal(Delta.FromState(general), Delta.FromState(state));
                Assert.Equal(general.Length, state.Length);
                Assert.Equal(general.Bytes, state.Bytes);
            },
            iter: 50_000);

    [Fact]
    public void A_keystroke_is_refused_as_anything_else_is()
    {
        var state = DocumentType.RichText.DecodeSnapshot(Delta.FromPlainText("a😀b").Bytes.Span);
        Assert.Equal(OperationError.OutOfRange, Outcome(state, Delta.Build().Retain(5).Insert("x").ToDelta().Bytes.ToArray(), long.MaxValue));
        Assert.Equal(OperationError.OutOfRange, Outcome(state, Delta.Build().Retain(3).Delete(2).ToDelta().Bytes.ToArray(), long.MaxValue));
        Assert.Equal(OperationError.SplitsSurrogatePair, Outcome(state, Delta.Build().Retain(2).Insert("x").ToDelta().Bytes.ToArray(), long.MaxValue));
        Assert.Equal(OperationError.SplitsSurrogatePair, Outcome(state, Delta.Build().Retain(2).Delete(1).ToDelta().Bytes.ToArray(), long.MaxValue));
        Assert.Equal(OperationError.SplitsSurrogatePair, Outcome(state, Delta.Build().Delete(2).ToDelta().Bytes.ToArray(), long.MaxValue));
        Assert.Equal(OperationError.TooLarge, Outcome(state, Delta.Build().Insert("x").ToDelta().Bytes.ToArray(), state.Bytes));
        // A header cut off, half a character, a length that is not the text's, nothing after the retain.
        foreach (var bytes in new byte[][] { [0x80], [8, 0x80], [10, 0xF0], [18, 97], [10, 97, 98], [2], [8, 1], [0] })
            Assert.Equal(OperationError.Malformed, Outcome(state, bytes, long.MaxValue));
        Assert.Equal("a😀b", Delta.FromState(state).ToPlainText());
    }

    private static OperationError? Outcome(DocumentState state, byte[] operation, long maxBytes)
    {
        try
        {
            state.Apply(operation, maxBytes);
            return null;
        }
        catch (OperationException exception)
        {
            return exception.Error;
        }
    }
}
