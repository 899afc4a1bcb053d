// Markdown: what is written reads back the same where Markdown has a form for it.

using CloudSync.Operations;
using CloudSync.Server.Formats;
using CsCheck;
using Xunit;

namespace CloudSync.Server.Tests.Formats;

public sealed class MarkdownFormatTests
{
    private static readonly MarkdownFormat Markdown = new();

    private static string Write(string ops) => Markdown.Write(Delta.ParseJson(ops), "");

    private static Delta Read(string markdown) => Markdown.Read(markdown, "rich-text");

    [Fact]
    public void Any_rich_text_that_Markdown_can_hold_reads_back_as_it_was_written() =>
        RichTexts.ForMarkdown.Sample(
            document => Assert.Equal(RichTexts.Normal(document), RichTexts.Normal(Read(Markdown.Write(document, "")))),
            iter: 1_000, print: static document => document.ToJson() + "\n" + Markdown.Write(document, ""));

    [Fact]
    public void A_document_is_written_as_a_person_would()
    {
        const string ops = """
            [{"insert":"Title"},{"insert":"\n","attributes":{"header":1}},
             {"insert":"plain "},{"insert":"bold","attributes":{"bold":true}},{"insert":", "},
             {"insert":"both","attributes":{"bold":true,"italic":true}},{"insert":", "},
             {"insert":"gone","attributes":{"strike":true}},{"insert":", "},
             {"insert":"x = 1","attributes":{"code":true}},{"insert":", snake_case & "},
             {"insert":"there","attributes":{"link":"https://example.org/?a=1&b=2"}},{"insert":".\n"},
             {"insert":"one"},{"insert":"\n","attributes":{"list":"ordered"}},
             {"insert":"under"},{"insert":"\n","attributes":{"list":"bullet","indent":1}},
             {"insert":"two"},{"insert":"\n","attributes":{"list":"ordered"}},
             {"insert":"between\n"},
             {"insert":"done"},{"insert":"\n","attributes":{"list":"checked"}},
             {"insert":"open"},{"insert":"\n","attributes":{"list":"unchecked"}},
             {"insert":"said"},{"insert":"\n","attributes":{"blockquote":true}},
             {"insert":"again"},{"insert":"\n","attributes":{"blockquote":true}},
             {"insert":"a < b;"},{"insert":"\n\n","attributes":{"code-block":"c"}},
             {"insert":"}"},{"insert":"\n","attributes":{"code-block":"c"}}]
            """;
        const string markdown = """
            # Title

            plain **bold**, ***both***, ~~gone~~, `x = 1`, snake_case & [there](https://example.org/?a=1&b=2).

            1. one
               - under
            2. two

            between

            - [x] done
            - [ ] open

            > said
            >
            > again

            ```c
            a < b;

            }
            ```

            """;
        Assert.Equal(markdown, Write(ops));
        Assert.Equal(RichTexts.Normal(Delta.ParseJson(ops)), RichTexts.Normal(Read(markdown)));
    }

    [Theory]
    [InlineData("a\nb\n\nc", """{"insert":"a b\nc\n"}""")]
    [InlineData("a  \nb\\\nc", """{"insert":"a\nb\nc\n"}""")]
    [InlineData("Title\n===\n\nSub\n---", """{"insert":"Title"},{"insert":"\n","attributes":{"header":1}},{"insert":"Sub"},{"insert":"\n","attributes":{"header":2}}""")]
    [InlineData("* a\n\n  b\n* c", """{"insert":"a"},{"insert":"\n","attributes":{"list":"bullet"}},{"insert":"b"},{"insert":"\n","attributes":{"list":"bullet"}},{"insert":"c"},{"insert":"\n","attributes":{"list":"bullet"}}""")]
    [InlineData("-\n- b", """{"insert":"\n","attributes":{"list":"bullet"}},{"insert":"b"},{"insert":"\n","attributes":{"list":"bullet"}}""")]
    [InlineData("    code\n", """{"insert":"code"},{"insert":"\n","attributes":{"code-block":true}}""")]
    [InlineData("<https://a.b>", """{"insert":"https://a.b","attributes":{"link":"https://a.b"}},{"insert":"\n"}""")]
    [InlineData("[a][1]\n\n[1]: https://a.b", """{"insert":"a","attributes":{"link":"https://a.b"}},{"insert":"\n"}""")]
    [InlineData("> # a\n> b", """{"insert":"a"},{"insert":"\n","attributes":{"header":1}},{"insert":"b"},{"insert":"\n","attributes":{"blockquote":true}}""")]
    [InlineData("", """{"insert":"\n"}""")]
    public void Markdown_written_elsewhere_reads_as_what_it_shows(string markdown, string ops) =>
        Assert.Equal(RichTexts.Normal(Delta.ParseJson($"[{ops}]")), RichTexts.Normal(Read(markdown)));

    [Theory]
    [InlineData("[a](javascript:alert(1))")]
    [InlineData("<a href=\"javascript:alert(1)\">a</a>")]
    [InlineData("a<script>")]
    [InlineData("a\n\n<script>alert(1)</script>")]
    [InlineData("<div onclick=\"alert(1)\">a</div>")]
    [InlineData("a![](javascript:alert(1))")]
    public void Nothing_that_runs_gets_into_a_document(string markdown) =>
        Assert.Equal("""{"ops":[{"insert":"a\n"}]}""", Read(markdown).ToJson());

    [Fact]
    public void A_link_that_runs_something_does_not_get_out() =>
        Assert.Equal("a\n", Write("""[{"insert":"a","attributes":{"link":"javascript:alert(1)"}},{"insert":"\n"}]"""));

    [Fact]
    public void A_line_that_looks_like_the_definition_of_a_reference_is_not_lost()
    {
        var document = Delta.ParseJson(
            """[{"insert":"x]: y","attributes":{"code":true,"link":"/a"}},{"insert":"\n"}]""");
        Assert.Equal(RichTexts.Normal(document), RichTexts.Normal(Read(Markdown.Write(document, ""))));
    }

    [Theory]
    [InlineData("[a](", 200_000)]
    [InlineData("a <?", 200_000)]
    [InlineData("a <![CDATA[", 200_000)]
    [InlineData("7. a <?\n", 200_000)]
    [InlineData("a <?\u2028\u2028", 200_000)]
    public void Markdown_made_to_keep_the_parser_busy_is_refused(string piece, int times)
    {
        var exception = Assert.Throws<FormatException>(() => Read(string.Concat(Enumerable.Repeat(piece, times))));
        Assert.Contains("paragraph", exception.Message);
    }

    [Fact]
    public void A_long_list_of_links_is_read()
    {
        var list = string.Concat(Enumerable.Repeat("- [a](https://example.org/)\n", 5_000));
        Assert.Equal(10_000, Read(list).Components.Count);
    }

    [Fact]
    public void Nesting_beyond_reason_is_refused_with_a_sentence()
    {
        var exception = Assert.Throws<FormatException>(() => Read(new string('>', 10_000) + "a"));
        Assert.Contains("too deeply", exception.Message);
    }
}
