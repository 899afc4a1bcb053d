// What a document takes, what it refuses, and that a refusal changes nothing.

using System.Buffers;
using System.Text.Json.Nodes;
using Xunit;

namespace CloudSync.Operations.Tests;

public sealed class DocumentStateTests
{
    [Fact]
    public void An_empty_document_is_no_bytes()
    {
        var state = DocumentType.Text.CreateEmpty();
        Assert.Equal(0, state.Length);
        Assert.Equal(0, Delta.FromState(state).Bytes.Length);
        Assert.Equal(0, DocumentType.RichText.DecodeSnapshot([]).Length);
        state.Apply([]);
        Assert.Same(DocumentType.Text, state.Type);
    }

    [Theory]
    [InlineData("""[{"retain":5,"attributes":{"b":1}}]""")]
    [InlineData("""[{"retain":5}]""")]
    [InlineData("""[{"delete":5}]""")]
    [InlineData("""[{"insert":"x"},{"retain":3},{"delete":2}]""")]
    public void What_reaches_past_the_end_is_refused_and_changes_nothing(string json) =>
        AssertRefused(OperationError.OutOfRange, "abcd", json + " ");

    [Theory]
    [InlineData("""[{"retain":2},{"insert":"x"}]""")]
    [InlineData("""[{"retain":2},{"delete":1}]""")]
    [InlineData("""[{"retain":1},{"delete":1}]""")]
    [InlineData("""[{"delete":2}]""")]
    [InlineData("""[{"retain":2,"attributes":{"b":1}}]""")]
    [InlineData("""[{"retain":2},{"retain":3,"attributes":{"b":1}}]""")]
    [InlineData("""[{"insert":"x"},{"retain":2},{"insert":"y"}]""")]
    [InlineData("""[{"retain":4},{"delete":1},{"insert":"y"}]""")]
    public void What_would_split_a_surrogate_pair_is_refused_and_changes_nothing(string json) =>
        AssertRefused(OperationError.SplitsSurrogatePair, "a😀b😀", json);

    [Fact]
    public void A_boundary_between_equal_components_splits_nothing()
    {
        // retain 1, retain 1, delete 1, insert "x", delete 1, retain 1: over 😀😀b
        byte[] operation = [0x08, 0x08, 0x09, 0x0A, (byte)'x', 0x09, 0x08];
        var state = DocumentType.Text.DecodeSnapshot(Delta.FromPlainText("😀😀b").Bytes.Span);
        var inverse = new ArrayBufferWriter<byte>();
        state.Invert(operation, inverse);
        state.Apply(operation);
        Assert.Equal("😀xb", Delta.FromState(state).ToPlainText());
        state.Apply(inverse.WrittenSpan);
        Assert.Equal("😀😀b", Delta.FromState(state).ToPlainText());

        var composed = new ArrayBufferWriter<byte>();
        DocumentType.Text.Compose(Delta.FromPlainText("😀😀b").Bytes.Span, operation, composed);
        Assert.Equal("😀xb", Delta.FromBytes(composed.WrittenMemory).ToPlainText());
    }

    [Fact]
    public void A_composition_that_would_split_a_surrogate_pair_is_refused()
    {
        var refused = Assert.Throws<OperationException>(
            () => Delta.FromPlainText("a😀").Compose(Delta.Build().Retain(2).Insert("x").ToDelta()));
        Assert.Equal(OperationError.SplitsSurrogatePair, refused.Error);
    }

    [Theory]
    [InlineData("""[{"insert":"x","attributes":{"b":1}}]""")]
    [InlineData("""[{"retain":1,"attributes":{"b":1}}]""")]
    [InlineData("""[{"insert":{"image":"x"}}]""")]
    [InlineData("""[{"retain":{"image":"x"}}]""")]
    public void Plain_text_refuses_attributes_and_embeds(string json)
    {
        var state = DocumentType.Text.DecodeSnapshot(Delta.FromPlainText("abc").Bytes.Span);
        var operation = Delta.ParseJson(json).Bytes;
        var refused = Assert.Throws<OperationException>(() => state.Apply(operation.Span));
        Assert.Equal(OperationError.NotAllowedByType, refused.Error);
        refused = Assert.Throws<OperationException>(() => DocumentType.Text.Measure(operation.Span));
        Assert.Equal(OperationError.NotAllowedByType, refused.Error);
        Assert.Equal("abc", Delta.FromState(state).ToPlainText());
    }

    [Fact]
    public void A_snapshot_that_does_more_than_insert_is_refused()
    {
        Assert.Throws<OperationException>(() => DocumentType.Text.DecodeSnapshot([0x08]));
        Assert.Throws<OperationException>(
            () => DocumentType.RichText.DecodeSnapshot(Delta.Build().Insert("a").Delete(1).ToDelta().Bytes.Span));
    }

    [Fact]
    public void A_fork_and_its_origin_go_separate_ways()
    {
        var origin = DocumentType.Text.DecodeSnapshot(Delta.FromPlainText(new string('x', 3000)).Bytes.Span);
        var fork = origin.Fork();
        var forkOfFork = fork.Fork();
        origin.Apply(Delta.Build().Retain(1500).Insert("origin").ToDelta().Bytes.Span);
        fork.Apply(Delta.Build().Retain(1500).Delete(1000).ToDelta().Bytes.Span);
        forkOfFork.Apply(Delta.Build().Insert("first ").ToDelta().Bytes.Span);
        Assert.Equal(new string('x', 1500) + "origin" + new string('x', 1500), Delta.FromState(origin).ToPlainText());
        Assert.Equal(new string('x', 2000), Delta.FromState(fork).ToPlainText());
        Assert.Equal("first " + new string('x', 3000), Delta.FromState(forkOfFork).ToPlainText());
    }

    [Fact]
    public async Task A_fork_can_be_read_by_another_thread_while_the_writer_goes_on()
    {
        var writer = DocumentType.RichText.CreateEmpty();
        var expected = "";
        var reading = new List<Task>();
        for (var i = 0; i < 2000; i++)
        {
            writer.Apply(Delta.Build().Retain(i / 2).Insert("é", i % 7 == 0 ? new JsonObject { ["b"] = i } : null).ToDelta().Bytes.Span);
            expected = expected.Insert(i / 2, "é");
            if (i % 50 != 0)
                continue;
            var (fork, text) = (writer.Fork(), expected);
            reading.Add(Task.Run(() => Assert.Equal(text, Delta.FromState(fork).ToPlainText()), TestContext.Current.CancellationToken));
        }

        await Task.WhenAll(reading);
    }

    [Theory]
    [InlineData("""[{"insert":"new"},{"retain":1,"attributes":{"b":1}},{"retain":{"image":"z"}}]""", "text")]
    [InlineData("""[{"insert":"new"},{"retain":1},{"retain":1,"attributes":{"b":1}},{"retain":{"video":"z"}}]""", "another type")]
    public void A_change_of_an_embed_that_is_not_there_is_refused_and_changes_nothing(string json, string what)
    {
        var document = Delta.Build().Insert("ab").InsertEmbed(new() { ["image"] = "a" }).Insert("c").ToDelta();
        var state = DocumentType.RichText.DecodeSnapshot(document.Bytes.Span);
        var fork = state.Fork();
        var refused = Assert.Throws<OperationException>(() => state.Apply(Delta.ParseJson(json).Bytes.Span));
        Assert.True(refused.Error == OperationError.Malformed, what);
        Assert.Equal(document, Delta.FromState(state));
        Assert.Equal(4, state.Length);
        state.Apply(Delta.ParseJson("""[{"delete":1},{"retain":1},{"retain":{"image":"b"},"attributes":{"alt":"B"}}]""").Bytes.Span);
        Assert.Equal(
            Delta.ParseJson("""[{"insert":"b"},{"insert":{"image":"b"},"attributes":{"alt":"B"}},{"insert":"c"}]"""),
            Delta.FromState(state));
        Assert.Equal(document, Delta.FromState(fork));
    }

    [Fact]
    public void Of_two_changes_of_one_embed_the_one_committed_first_stays()
    {
        var document = Delta.Build().InsertEmbed(new() { ["image"] = "a" }).ToDelta();
        var first = Delta.ParseJson("""[{"retain":{"image":"first"}}]""");
        var second = Delta.ParseJson("""[{"retain":{"image":"second"},"attributes":{"alt":"x"}}]""");
        var server = document.Compose(first).Compose(second.Transform(first, Side.Right));
        var client = document.Compose(second).Compose(first.Transform(second, Side.Left));
        Assert.Equal(Delta.ParseJson("""[{"insert":{"image":"first"},"attributes":{"alt":"x"}}]"""), server);
        Assert.Equal(server, client);
    }

    [Fact]
    public void Attributes_grow_to_their_limit_and_not_further()
    {
        var state = DocumentType.RichText.DecodeSnapshot(Delta.FromPlainText("abc").Bytes.Span);
        var half = new string('x', 9_000);
        state.Apply(Delta.Build().Retain(2, new() { ["a"] = half }).ToDelta().Bytes.Span);
        var before = Delta.FromState(state);
        var more = Delta.Build().Insert("new").Retain(2, new() { ["b"] = half }).ToDelta();
        Assert.Throws<OperationException>(() => state.Apply(more.Bytes.Span));
        Assert.Equal(before, Delta.FromState(state));
        Assert.Throws<OperationException>(
            () => state.Apply(Delta.Build().Insert("x", new() { ["a"] = half + half }).ToDelta().Bytes.Span));
        Assert.Equal(before, Delta.FromState(state));
        state.Apply(Delta.Build().Retain(2, new() { ["a"] = null, ["b"] = half }).ToDelta().Bytes.Span);
        Assert.Equal("b", Assert.Single(Delta.FromState(state).Components[0].Attributes!).Key);
    }

    private static void AssertRefused(OperationError error, string text, string json)
    {
        // Bytes as they come: nothing is chopped off an operation by making a delta of it.
        var operation = json.Contains("\"retain\":5}", StringComparison.Ordinal) ? [0x28] : Delta.ParseJson(json).Bytes.ToArray();
        var state = DocumentType.RichText.DecodeSnapshot(Delta.FromPlainText(text).Bytes.Span);
        Assert.Equal(error, Assert.Throws<OperationException>(() => state.Apply(operation)).Error);
        var output = new ArrayBufferWriter<byte>();
        Assert.Equal(error, Assert.Throws<OperationException>(() => state.Invert(operation, output)).Error);
        Assert.Equal(0, output.WrittenCount);
        Assert.Equal(text, Delta.FromState(state).ToPlainText());
        Assert.Equal(text.Length, state.Length);
    }
}
