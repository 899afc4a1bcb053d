// Parses HTML from anybody within bounds. The parser's time grows with the square of how deep a page nests, how many
// elements it has where they don't belong, and how many attributes one tag has; each is bounded far above any page that
// a person wrote and far below what would keep a processor busy for long.

using AngleSharp.Dom;
using AngleSharp.Html.Dom;
using AngleSharp.Html.Parser;

namespace CloudSync.Server.Formats;

internal static class HtmlPage
{
    private const int DeepestNesting = 256;
    private const int MostElements = 50_000;

    // Values in quotes don't count: the data of a picture may stand there.
    private const int LongestTag = 4096;

    /// <exception cref="FormatException">The page exceeds one of the bounds; says which.</exception>
    public static IHtmlDocument Parse(string html)
    {
        CheckTags(html);
        var depths = new Dictionary<INode, int>();
        var elements = 0;
        IElement? previous = null;
        var parser = new HtmlParser(new HtmlParserOptions
        {
            OnCreated = (element, _) =>
            {
                if (++elements > MostElements)
                    throw new FormatException($"The HTML has more than {MostElements} elements.");
                // An element finds its place only after this call; so the one before it is looked at.
                if (previous?.Parent is { } parent)
                {
                    var depth = depths.GetValueOrDefault(parent) + 1;
                    if (depth > DeepestNesting)
                        throw new FormatException($"The HTML nests more than {DeepestNesting} deep.");
                    depths[previous] = depth;
                }

                previous = element;
            },
        });
        return parser.ParseDocument(html);
    }

    private static void CheckTags(string html)
    {
        var length = 0;
        var quote = '\0';
        for (var i = 0; i < html.Length; i++)
        {
            var c = html[i];
            if (length == 0)
            {
                if (c == '<' && i + 1 < html.Length && (char.IsAsciiLetter(html[i + 1]) || html[i + 1] == '/'))
                    length = 1;
            }
            else if (quote != '\0')
            {
                if (c == quote)
                    quote = '\0';
            }
            else if (c is '"' or '\'' && html[i - 1] == '=')
            {
                quote = c;
            }
            else if (c == '>')
            {
                length = 0;
            }
            else if (++length > LongestTag)
            {
                throw new FormatException($"The HTML has a tag of more than {LongestTag} characters.");
            }
        }
    }
}
