// Each statement finds its rows through an index, however large the tables are.

using System.Reflection;
using Xunit;

namespace CloudSync.Sqlite.Tests;

public sealed class QueryPlanTests
{
    public static TheoryData<string> Statements =>
        [.. typeof(Sql).GetFields(BindingFlags.Public | BindingFlags.Static).Select(statement => statement.Name)];

    [Theory]
    [MemberData(nameof(Statements))]
    public void No_statement_scans_a_table_or_sorts(string name)
    {
        using var directory = new TemporaryDirectory();
        var options = new SqliteLogOptions { Path = directory.File() };
        using var connection = LogFile.Open(options.Path, options);

        var plan = Explain(connection, Text(name));

        foreach (var step in plan)
        {
            Assert.DoesNotContain("TEMP B-TREE", step, StringComparison.Ordinal);
            if (step == "SCAN CONSTANT ROW")
                continue;
            // These walk in the order that the rows are kept in, and whoever asks stops them.
            if (name is not (nameof(Sql.List) or nameof(Sql.ReadOutbox) or nameof(Sql.OldestInOutbox)))
                Assert.DoesNotContain("SCAN", step, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData(nameof(Sql.Find), "SEARCH documents USING INDEX sqlite_autoindex_documents_1 (id=?)")]
    [InlineData(nameof(Sql.List), "SCAN documents USING INDEX documents_by_change")]
    [InlineData(nameof(Sql.ListAfter), "SEARCH documents USING INDEX documents_by_change ((changed_at,id)<(?,?))")]
    [InlineData(nameof(Sql.Read), "SEARCH operations USING PRIMARY KEY (document=? AND version>?)")]
    [InlineData(nameof(Sql.CommittedAt), "SEARCH operations USING PRIMARY KEY (document=? AND version=?)")]
    [InlineData(
        nameof(Sql.FindSnapshot),
        "SEARCH snapshots USING INDEX sqlite_autoindex_snapshots_1 (document=? AND version<?)")]
    [InlineData(
        nameof(Sql.FindSegment),
        "SEARCH segments USING INDEX sqlite_autoindex_segments_1 (document=? AND last_version>?)")]
    [InlineData(
        nameof(Sql.FindSegmentByTime), "SEARCH segments USING INDEX segments_by_time (document=? AND first_at<?)")]
    [InlineData(
        nameof(Sql.RemoveOperations),
        "SEARCH operations USING PRIMARY KEY (document=? AND version>? AND version<?)")]
    [InlineData(nameof(Sql.MoveHead), "SEARCH documents USING INTEGER PRIMARY KEY (rowid=?)")]
    public void Reads_use_the_index_that_is_meant_for_them(string name, string step)
    {
        using var directory = new TemporaryDirectory();
        var options = new SqliteLogOptions { Path = directory.File() };
        using var connection = LogFile.Open(options.Path, options);

        Assert.Contains(step, Explain(connection, Text(name)));
    }

    private static string Text(string name) =>
        (string)typeof(Sql).GetField(name, BindingFlags.Public | BindingFlags.Static)!.GetRawConstantValue()!;

    private static List<string> Explain(LogConnection connection, string sql)
    {
        using var statement = new Statement(connection.Handle, "EXPLAIN QUERY PLAN " + sql);
        using var row = statement.Use();
        var plan = new List<string>();
        while (row.Step())
            plan.Add(row.Text(3));
        return plan;
    }
}
