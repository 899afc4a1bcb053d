// What one operation may ask for that a server takes (1 MiB): each of these took seconds to hours before it was bounded.

using System.Text;
using Xunit;
using static CloudSync.Operations.Tests.Json.JsonCases;

namespace CloudSync.Operations.Tests.Json;

public sealed class JsonWorkTests
{
    private const string RichTextEdit = """{"p":["r"],"t":"rich-text","o":[{"insert":"x"}]}""";

    private static readonly string s_text = new('a', 80);
    private static readonly string s_richText = "{\"ops\":[{\"insert\":\"" + new string('r', 1 << 20) + "\"}]}";

    [Fact]
    public void Editing_a_long_rich_text_again_and_again_is_refused_and_changes_nothing()
    {
        var state = State($$"""{"r":{{s_richText}}}""");
        var before = state.Bytes;
        Assert.Equal(OperationError.TooMuchWork, Refusal(() => state.Apply(Utf8(Row(1_000, _ => RichTextEdit)))));
        Assert.Equal(before, state.Bytes);
        Assert.DoesNotContain('x', Snapshot(state));
        state.Apply(Utf8(Row(1, _ => RichTextEdit)));
        Assert.Contains('x', Snapshot(state));
    }

    [Fact]
    public void A_single_edit_of_rich_text_is_done_however_long_that_is()
    {
        var state = State("{\"r\":[{\"insert\":\"" + new string('r', 5 << 20) + "\"}]}");
        state.Apply(Utf8(Row(1, _ => RichTextEdit)));
        Assert.Contains('x', Snapshot(state));
    }

    [Fact]
    public void Rich_text_that_one_deletes_and_another_edits_again_and_again_is_refused() => Assert.Equal(
        OperationError.TooMuchWork,
        Refusal(() => Transformed($$"""[{"p":["r"],"od":{{s_richText}}}]""", Row(1_000, _ => RichTextEdit), Side.Right)));

    [Fact]
    public void Long_rich_text_that_is_merged_again_and_again_is_refused()
    {
        var long_ = "[" + """{"p":["r"],"t":"rich-text","o":""" + s_richText + "}]";
        Assert.Equal(OperationError.TooMuchWork, Refusal(() => Transformed(long_, Row(1_000, _ => RichTextEdit), Side.Right)));
        Assert.Equal(OperationError.TooMuchWork, Refusal(() => Composed(long_, Row(1_000, _ => RichTextEdit))));
    }

    [Fact]
    public void Texts_that_become_one_step_by_step_are_refused()
    {
        var inserts = Row(9_000, _ => $$"""{"p":["t",0],"si":"{{s_text}}"}""");
        // So that it is never committed: whoever made another operation meanwhile could not get that in.
        Assert.Equal(OperationError.TooMuchWork, Refusal(() => DocumentType.Json.Measure(Utf8(inserts))));
        Assert.Equal(OperationError.TooMuchWork, Refusal(() => Composed("""[{"p":["t",0],"si":"a"}]""", inserts)));
        Assert.Equal(OperationError.TooMuchWork, Refusal(() => Transformed(inserts, """[{"p":["u"],"oi":1}]""", Side.Right)));
        var edits = """[{"p":["t"],"t":"text0","o":""" + Row(9_000, _ => $$"""{"p":0,"i":"{{s_text}}"}""") + "}]";
        Assert.Equal(OperationError.TooMuchWork, Refusal(() => Composed("""[{"p":["t"],"t":"text0","o":[]}]""", edits)));
    }

    [Fact]
    public void A_long_deletion_that_is_parted_again_and_again_is_refused()
    {
        var delete = $$"""[{"p":["t",0],"sd":"{{new string('a', 1_000_000)}}"}]""";
        var inserts = Row(900, i => $$"""{"p":["t",{{(2 * i) + 1}}],"si":"x"}""");
        Assert.Equal(OperationError.TooMuchWork, Refusal(() => Transformed(delete, inserts, Side.Right)));
    }

    /// <summary>JavaScript takes such a name for the number 1, which only reading all of it shows.</summary>
    [Fact]
    public void A_long_name_that_is_a_number_is_not_read_for_each_pair()
    {
        var delete = $$"""[{"p":["1{{new string(' ', 900_000)}}"],"od":1}]""";
        Assert.Equal(
            OperationError.TooMuchWork,
            Refusal(() => Transformed(Row(9_000, _ => """{"p":[5],"li":1}"""), delete, Side.Right)));
    }

    [Fact]
    public void Many_edits_of_a_very_long_text_are_refused_and_change_nothing()
    {
        var state = State("{\"t\":\"" + new string('x', 8_000_000) + "\"}");
        var before = state.Bytes;
        var edits = Row(9_000, _ => """{"p":["t",7000000],"si":"a"}""");
        Assert.Equal(OperationError.TooMuchWork, Refusal(() => state.Apply(Utf8(edits))));
        Assert.Equal(before, state.Bytes);
    }

    [Fact]
    public void What_a_client_that_was_away_brings_is_not_too_much()
    {
        var mine = Row(1_000, i => $$"""{"p":["list",{{i}}],"li":"mine"}""");
        var theirs = Row(1_000, i => $$"""{"p":["text",{{2 * i}}],"si":"t"}""");
        Assert.Equal(mine, Transformed(mine, theirs, Side.Right));
    }

    private static string Row(int count, Func<int, string> component) =>
        new StringBuilder("[").AppendJoin(',', Enumerable.Range(0, count).Select(component)).Append(']').ToString();
}
