// docs/complaints.md names tests that there are.

using System.Text.RegularExpressions;
using CloudSync.Tests.Gateway;
using Xunit;

namespace CloudSync.Tests;

public sealed partial class ComplaintsPageTests
{
    private const int Complaints = 11;

    [Fact]
    public void Every_complaint_names_tests_that_there_are()
    {
        var page = Page.Find("docs/complaints.md");
        var root = Path.GetDirectoryName(Path.GetDirectoryName(page))!;
        var rows = File.ReadLines(page).Where(line => line.StartsWith("| **", StringComparison.Ordinal) && TestName().IsMatch(line))
            .ToList();
        Assert.Equal(Complaints, rows.Count);
        foreach (var row in rows)
        {
            foreach (Match name in TestName().Matches(row))
            {
                var (file, method) = ($"{name.Groups[1].Value}.cs", name.Groups[2].Value);
                Assert.True(
                    Directory.EnumerateFiles(Path.Combine(root, "tests"), file, SearchOption.AllDirectories)
                        .Any(path => File.ReadAllText(path).Contains($" {method}(", StringComparison.Ordinal)),
                    $"There is no test {name.Value}.");
            }

            foreach (Match name in TypeScriptName().Matches(row))
            {
                var text = File.ReadAllText(Path.Combine(root, "clients/typescript/tests", name.Groups[1].Value));
                Assert.Contains($"it(\"{name.Groups[2].Value}\"", text, StringComparison.Ordinal);
            }
        }
    }

    [GeneratedRegex(@"`(?:[\w.]+/)?(\w+Tests)\.(\w+)`")]
    private static partial Regex TestName();

    [GeneratedRegex(@"`([\w-]+\.test\.ts)`, ""([^""]+)""")]
    private static partial Regex TypeScriptName();
}
