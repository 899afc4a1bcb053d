// Refuses Markdown that is made to keep the parser busy. For each place where a link's address or a piece of HTML may
// begin, the parser looks for its end as far as the paragraph goes; so its time grows with the number of such places
// times the length of the paragraph, which is estimated here beforehand.

using System.Text.RegularExpressions;

namespace CloudSync.Server.Formats;

internal static partial class MarkdownCost
{
    // About a second of a processor.
    private const long Most = 1_000_000_000;

    /// <exception cref="FormatException">It would take too long.</exception>
    public static void Check(string markdown)
    {
        long cost = 0;
        long length = 0;
        long openings = 0;
        // Not EnumerateLines(), which sees ends of lines where Markdown has none.
        foreach (var range in markdown.AsSpan().Split('\n'))
        {
            var line = markdown.AsSpan(range);
            // What surely ends a paragraph. What only may end one is taken as part of it.
            if (ParagraphEnd().IsMatch(line))
            {
                cost += openings * length;
                length = openings = 0;
            }

            length += line.Length + 1;
            openings += Openings().Count(line);
        }

        if (cost + openings * length > Most)
            throw new FormatException("The Markdown has a paragraph with too many links or tags for its length.");
    }

    [GeneratedRegex(@"^[ \t\r]*$|^ {0,3}[-*+][ \t]+\S")]
    private static partial Regex ParagraphEnd();

    [GeneratedRegex(@"\]\(|<[?!]")]
    private static partial Regex Openings();
}
