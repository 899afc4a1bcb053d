// HTML: what is written reads back the same, and nothing that runs gets in or out.

using System.Text.Json.Nodes;
using CloudSync.Operations;
using CloudSync.Server.Formats;
using CsCheck;
using Xunit;

namespace CloudSync.Server.Tests.Formats;

public sealed class HtmlFormatTests
{
    private static readonly HtmlFormat Html = new();

    private static Delta Read(string html) => Html.Read(html, "rich-text");

    private static string Body(string json)
    {
        var html = Html.Write(Delta.ParseJson(json), "T");
        return html[(html.IndexOf("<body>\n", StringComparison.Ordinal) + 7)..html.IndexOf("</body>", StringComparison.Ordinal)];
    }

    [Fact]
    public void Any_rich_text_reads_back_as_it_was_written() =>
        RichTexts.ForHtml.Sample(
            document => Assert.Equal(RichTexts.Normal(document), RichTexts.Normal(Read(Html.Write(document, "")))),
            iter: 1_000, print: static document => document.ToJson());

    [Fact]
    public void A_document_is_written_with_the_elements_that_mean_what_it_says()
    {
        var body = Body("""
            [{"insert":"Title"},{"insert":"\n","attributes":{"header":1}},
             {"insert":"plain "},{"insert":"bold","attributes":{"bold":true}},{"insert":" & "},
             {"insert":"there","attributes":{"link":"https://example.org/?a=1&b=2"}},{"insert":"\n\n"},
             {"insert":"one"},{"insert":"\n","attributes":{"list":"ordered"}},
             {"insert":"under"},{"insert":"\n","attributes":{"list":"bullet","indent":1}},
             {"insert":"two"},{"insert":"\n","attributes":{"list":"ordered"}},
             {"insert":"done"},{"insert":"\n","attributes":{"list":"checked"}},
             {"insert":"said"},{"insert":"\n","attributes":{"blockquote":true}},
             {"insert":"a < b;"},{"insert":"\n","attributes":{"code-block":"c"}},
             {"insert":"}"},{"insert":"\n","attributes":{"code-block":"c"}}]
            """);
        Assert.Equal(
            """
            <h1>Title</h1>
            <p>plain <strong>bold</strong> &amp; <a href="https://example.org/?a=1&amp;b=2" rel="noopener noreferrer">there</a></p>
            <p><br></p>
            <ol>
            <li>one
            <ul>
            <li>under</li>
            </ul></li>
            <li>two</li>
            </ol>
            <ul>
            <li data-list="checked"><input type="checkbox" disabled checked>done</li>
            </ul>
            <blockquote>
            <p>said</p>
            </blockquote>
            <pre><code class="language-c">a &lt; b;
            }
            </code></pre>

            """, body);
    }

    [Theory]
    [InlineData("<p>a<script>alert(1)</script>b</p>", "ab")]
    [InlineData("<p onclick='alert(1)'>a</p>", "a")]
    [InlineData("<svg onload=alert(1)><text>x</text></svg>a", "a")]
    [InlineData("<style>p{}</style>a<iframe src='https://x'>b</iframe>", "a")]
    [InlineData("<p>a<img src=x onerror=alert(1)></p>", "a")]
    [InlineData("a<img src='javascript:alert(1)'><img src='data:text/html,<script>alert(1)</script>'>", "a")]
    [InlineData("a<img src='data:image/svg+xml,<svg onload=alert(1)>'>", "a")]
    [InlineData("<math><mtext></mtext></math><noscript><p>b</p></noscript>a", "a")]
    [InlineData("<template><script>alert(1)</script></template>a<!-- <b>c</b> -->", "a")]
    [InlineData("<div style='background:url(javascript:alert(1));color:expression(alert(1))'>a</div>", "a")]
    public void Nothing_that_runs_gets_into_a_document(string html, string text) =>
        Assert.Equal($$"""{"ops":[{"insert":"{{text}}\n"}]}""", Read(html).ToJson());

    [Theory]
    [InlineData("javascript:alert(1)")]
    [InlineData("JaVaScRiPt:alert(1)")]
    [InlineData("  javascript:alert(1)")]
    [InlineData("java\nscript:alert(1)")]
    [InlineData("\u0001javascript:alert(1)")]
    [InlineData("vbscript:x")]
    [InlineData("data:text/html,<script>alert(1)</script>")]
    [InlineData("file:///etc/passwd")]
    public void A_link_that_runs_something_stays_outside_in_both_directions(string address)
    {
        var escaped = address.Replace("<", "&lt;").Replace("\"", "&quot;");
        Assert.Equal("""{"ops":[{"insert":"a\n"}]}""", Read($"<a href=\"{escaped}\">a</a>").ToJson());

        var document = Delta.Build()
            .Insert("a", new JsonObject { ["link"] = address })
            .InsertEmbed(new JsonObject { ["image"] = address })
            .InsertEmbed(new JsonObject { ["video"] = address })
            .Insert("\n").ToDelta();
        Assert.Contains("<body>\n<p>a</p>\n</body>", Html.Write(document, ""));
    }

    [Fact]
    public void What_a_client_put_into_attributes_and_text_comes_out_as_text_or_not_at_all()
    {
        const string attack = "\"><script>alert(1)</script>";
        var attributes = new JsonObject
        {
            ["color"] = attack, ["background"] = "red;x:url(" + attack, ["font"] = attack, ["size"] = attack,
            ["script"] = attack, ["link"] = "https://a/" + attack, ["onclick"] = attack, ["alt"] = attack,
        };
        var document = Delta.Build()
            .Insert(attack, (JsonObject)attributes.DeepClone())
            .InsertEmbed(new JsonObject { ["image"] = "https://a/" + attack }, attributes)
            .InsertEmbed(new JsonObject { ["formula"] = attack })
            .InsertEmbed(new JsonObject { [attack] = attack })
            .Insert("\n", new JsonObject { ["list"] = attack, ["align"] = attack, ["code-block"] = attack, ["header"] = attack })
            .ToDelta();
        var html = Html.Write(document, attack);
        Assert.DoesNotContain("<script", html);
        Assert.DoesNotContain("url(", html);
        Assert.DoesNotContain("onclick", html);
    }

    [Theory]
    [InlineData("a <b> b</b>  <i>c </i> d", """{"insert":"a "},{"insert":"b","attributes":{"bold":true}},{"insert":" "},{"insert":"c ","attributes":{"italic":true}},{"insert":"d\n"}""")]
    [InlineData("<p>a<br>b<br></p><p></p><p><br></p>", """{"insert":"a\nb\n\n"}""")]
    [InlineData("<ul><li><p>a</p></li><li></li><ul><li>b</li></ul></ul>", """{"insert":"a"},{"insert":"\n\n","attributes":{"list":"bullet"}},{"insert":"b"},{"insert":"\n","attributes":{"indent":1,"list":"bullet"}}""")]
    [InlineData("<li><label><input type=checkbox> a</label></li>", """{"insert":"a"},{"insert":"\n","attributes":{"list":"unchecked"}}""")]
    [InlineData("<pre>a\n\n  b</pre>c", """{"insert":"a"},{"insert":"\n\n","attributes":{"code-block":true}},{"insert":"  b"},{"insert":"\n","attributes":{"code-block":true}},{"insert":"c\n"}""")]
    [InlineData("<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>", """{"insert":"a\tb\nc\n"}""")]
    [InlineData("<b style='font-weight:normal'>a</b><span style='font-weight: 700; text-decoration: underline line-through'>b</span>", """{"insert":"a"},{"insert":"b","attributes":{"bold":true,"strike":true,"underline":true}},{"insert":"\n"}""")]
    [InlineData("<h2>a <em>b</em></h2>", """{"insert":"a "},{"insert":"b","attributes":{"italic":true}},{"insert":"\n","attributes":{"header":2}}""")]
    [InlineData("<ol><li data-list=\"bullet\" class=\"ql-indent-1\"><span class=\"ql-ui\"></span>a</li></ol>", """{"insert":"a"},{"insert":"\n","attributes":{"indent":1,"list":"bullet"}}""")]
    [InlineData("", """{"insert":"\n"}""")]
    public void Pages_written_elsewhere_read_as_what_they_show(string html, string ops) =>
        Assert.Equal(RichTexts.Normal(Delta.ParseJson($"[{ops}]")), RichTexts.Normal(Read(html)));

    [Theory]
    [InlineData("<div>", 1_000_000, "deep")]
    [InlineData("<b><p>", 500_000, "elements")]
    [InlineData("<table><a>", 500_000, "elements")]
    [InlineData("<br>", 1_000_000, "elements")]
    [InlineData("<p></p>", 1_000_000, "elements")]
    public void A_page_made_to_keep_the_parser_busy_is_refused(string piece, int times, string why)
    {
        var exception = Assert.Throws<FormatException>(() => Read(string.Concat(Enumerable.Repeat(piece, times))));
        Assert.Contains(why, exception.Message);
    }

    [Fact]
    public void A_tag_with_a_million_attributes_is_refused()
    {
        var page = "<p " + string.Join(' ', Enumerable.Range(0, 1_000_000)) + ">a</p>";
        Assert.Contains("tag", Assert.Throws<FormatException>(() => Read(page)).Message);
    }

    [Fact]
    public void A_picture_of_a_megabyte_in_a_tag_is_no_such_tag()
    {
        var data = "data:image/png;base64," + new string('A', 1 << 20);
        Assert.Equal(data, (string?)Read($"<img src=\"{data}\">").Components[0].Embed?["image"]);
    }
}
