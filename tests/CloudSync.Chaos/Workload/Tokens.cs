// The pieces of text that writers insert: each once in a run, and always whole, so that it can be said of each whether it is
// there. Insertions go between pieces and deletions take whole ones, so no edit parts a piece.

using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace CloudSync.Chaos.Workload;

internal static partial class Tokens
{
    /// <summary>A new one. Some have a character of two code units.</summary>
    public static string Create(string writer, long number) => $"[{writer}.{number}{(number % 7 == 0 ? "\U0001F600" : "")}]";

    /// <summary>Where the pieces of a text stand.</summary>
    public static IReadOnlyList<(int Position, string Token)> Find(string text) =>
        [.. Token().Matches(text).Select(static match => (match.Index, match.Value))];

    /// <summary>The pieces of a JSON document: the items of its list.</summary>
    public static IEnumerable<string> Of(JsonNode? content) =>
        content?["items"] is JsonArray items ? items.Select(static item => item?.ToString() ?? "null") : [];

    [GeneratedRegex(@"\[[^\[\]]*\]")]
    private static partial Regex Token();
}
