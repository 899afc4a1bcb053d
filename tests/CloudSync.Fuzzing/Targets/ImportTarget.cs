// Files that are imported over REST.

using System.Text;
using CloudSync.Operations;
using CloudSync.Server.Formats;
using CloudSync.Verification;

namespace CloudSync.Fuzzing.Targets;

internal sealed class ImportTarget(string format) : IFuzzTarget
{
    private readonly DocumentFormat _format = DocumentFormat.Find(format)!;

    public string Name => $"import-{format}";

    public IEnumerable<byte[]> Seeds =>
        Dictionary.Append(Encoding.UTF8.GetBytes(string.Concat(Dictionary.Select(Encoding.UTF8.GetString))))
            .Concat(Enumerable.Range(0, 20).Select(i => Make(new SeededRandom((ulong)i))));

    public IReadOnlyList<byte[]> Dictionary { get; } =
    [
        .. new[]
        {
            "<p>text</p>", "<b>bold <i>both</b></i>", "<ul><li>a<ol><li>b", "<a href=\"javascript:x\">l</a>", "<a href=\"https://x.y/\">l</a>", "<img src=x>", "<!--",
            "<table><tr><td>", "<script>x</script>", "<svg><style>", "&#xD800;", "&amp;", "<h1>", "<pre><code>\n", "</", "<blockquote>", "<div style=\"color:red\">",
            "# head\n", "* item\n", "  * nested\n", "1. one\n", "> quote\n", "```\ncode\n```\n", "**bold**", "*it* ", "`code`", "[l](https://x.y)", "![i](j)", "[a]: b\n",
            "|a|b|\n|-|-|\n", "\\*", "<b>", "***", "[[[[", "\n\n", "    ", "\u0000", "😀", "&#0;", "~~~", "- [ ] ", "___", "![[](",
        }.Select(Encoding.UTF8.GetBytes),
    ];

    public byte[] Make(SeededRandom random) =>
        Encoding.UTF8.GetBytes(_format.Write(RichTexts.Document(random), "title"));

    // Parsers of HTML make an object for each element.
    public long MaxAllocation(int length) => 16_000_000 + 20_000L * length;

    public void Run(byte[] input, FuzzTrace trace)
    {
        var file = Encoding.UTF8.GetString(input);
        Delta? document = null;
        try
        {
            if (!Oracles.Accepts(trace, "read", () => document = _format.Read(file, DocumentType.RichText.Name)))
                return;
        }
        catch (FormatException refused)
        {
            trace.Add(refused.Message);
            return;
        }

        foreach (var component in document!.Components)
        {
            trace.Add($"{component.Kind} {string.Join(',', component.Attributes?.Select(a => a.Key) ?? [])}");
            trace.Add("length", component.Length);
        }

        DocumentType.RichText.DecodeSnapshot(document.Bytes.Span);
        var written = _format.Write(document, "title");
        var again = _format.Read(written, DocumentType.RichText.Name);
        Oracles.Holds(
            _format.Read(_format.Write(again, "title"), DocumentType.RichText.Name).Equals(again), "what is exported isn't imported as it was",
            again, _format.Write(again, "title"));
    }
}
