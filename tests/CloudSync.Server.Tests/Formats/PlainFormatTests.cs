// Text and Delta JSON, and the names of the formats.

using CloudSync.Operations;
using CloudSync.Server.Formats;
using CsCheck;
using Xunit;

namespace CloudSync.Server.Tests.Formats;

public sealed class PlainFormatTests
{
    [Fact]
    public void Text_becomes_lines_that_end() =>
        Assert.Equal("""{"ops":[{"insert":"a\nb\n"}]}""", new PlainTextFormat().Read("a\r\nb", "rich-text").ToJson());

    [Fact]
    public void Plain_text_stays_as_it_is() =>
        Gen.String[Gen.Char['\u0020', '\u2000'], 0, 50].Sample(text =>
        {
            text = text.ReplaceLineEndings("\n");
            Assert.Equal(text, new PlainTextFormat().Write(new PlainTextFormat().Read(text, "text"), ""));
        });

    [Fact]
    public void A_delta_reads_back_as_it_was_written() =>
        RichTexts.ForHtml.Sample(document =>
            Assert.Equal(document, new DeltaFormat().Read(new DeltaFormat().Write(document, ""), "rich-text")));

    [Theory]
    [InlineData("""[{"retain":1},{"insert":"a"}]""")]
    [InlineData("""[{"delete":1}]""")]
    public void A_delta_that_is_no_content_is_refused(string delta) =>
        Assert.Throws<FormatException>(() => new DeltaFormat().Read(delta, "rich-text"));

    [Fact]
    public void A_delta_that_is_no_delta_is_refused() =>
        Assert.Throws<OperationException>(() => new DeltaFormat().Read("{}", "rich-text"));

    [Theory]
    [InlineData("text", "text/plain")]
    [InlineData("markdown", "text/markdown")]
    [InlineData("html", "text/html")]
    [InlineData("delta", "application/json")]
    public void A_format_is_found_by_its_name(string name, string contentType) =>
        Assert.StartsWith(contentType, DocumentFormat.Find(name)?.ContentType);

    [Fact]
    public void An_unknown_format_is_not_found() => Assert.Null(DocumentFormat.Find("docx"));
}
