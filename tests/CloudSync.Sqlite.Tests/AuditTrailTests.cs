// The audit trail of a database that somebody has tampered with, and who wrote what.

using CloudSync.Audit;
using CloudSync.Documents;
using CloudSync.Log;
using CloudSync.Operations;
using Xunit;

namespace CloudSync.Sqlite.Tests;

public sealed class AuditTrailTests : IDisposable
{
    private const int Operations = 120;
    private const int Packed = 40;

    private readonly TemporaryDirectory _directory = new();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private SqliteLogOptions Options => new() { Path = _directory.File() };

    public void Dispose() => _directory.Dispose();

    [Fact]
    public async Task An_untouched_document_is_sound_packed_or_not()
    {
        await FillAsync();

        var verified = await VerifyAsync();

        Assert.Null(verified.Fault);
        Assert.Equal((Operations, Operations, Operations), (verified.Head, verified.SoundThrough, verified.Link.Version));
        Assert.Null((await VerifyAsync(verified.Link)).Fault);
    }

    [Theory]
    [InlineData("UPDATE operations SET operation = CAST(x'0d616263' AS BLOB) WHERE version = 80", 80)]
    [InlineData("UPDATE operations SET author = 'eve' WHERE version = 80", 80)]
    [InlineData("UPDATE operations SET committed_at = committed_at + 1 WHERE version = 80", 80)]
    [InlineData("UPDATE operations SET client_id = client_id + 1 WHERE version = 80", 80)]
    [InlineData("UPDATE operations SET client_seq = client_seq + 1 WHERE version = 80", 80)]
    [InlineData("UPDATE operations SET base_version = base_version - 1 WHERE version = 80", 80)]
    [InlineData("UPDATE operations SET chain = zeroblob(32) WHERE version = 80", 80)]
    [InlineData("UPDATE documents SET chain = zeroblob(32)", 120)]
    [InlineData("DELETE FROM operations WHERE version = 80", 80)]
    [InlineData("DELETE FROM operations WHERE version = 120", 120)]
    [InlineData(
        "DELETE FROM operations WHERE version = 80; UPDATE operations SET version = version - 1 WHERE version > 80; "
        + "UPDATE documents SET head = 119", 80)]
    [InlineData("DELETE FROM operations WHERE version = 120; UPDATE documents SET head = 119", 119)]
    [InlineData("UPDATE segments SET chain = zeroblob(32)", Packed)]
    [InlineData("UPDATE documents SET head = 0", 1)]
    [InlineData("UPDATE documents SET head = 0, chain = zeroblob(32); DELETE FROM segments", 1)]
    [InlineData("UPDATE documents SET head = 100, chain = (SELECT chain FROM operations WHERE version = 100)", 100)]
    public async Task Whatever_is_changed_in_the_database_is_found_and_placed(string tampering, long version)
    {
        await FillAsync();
        using (var connection = LogConnection.ConnectWriter(Options.Path, Options))
            connection.Execute(tampering);

        var verified = await VerifyAsync();

        Assert.NotNull(verified.Fault);
        Assert.InRange(version, verified.Fault.FirstVersion, verified.Fault.LastVersion);
        Assert.True(verified.SoundThrough < version);
    }

    [Fact]
    public async Task A_segment_that_was_replaced_by_a_forged_one_is_found()
    {
        await FillAsync();
        using (var connection = LogConnection.ConnectWriter(Options.Path, Options))
        {
            var operations = connection.Read("a", 0, Packed, int.MaxValue, new SuspendedSegments(1)).ToList();
            operations[7] = operations[7] with { Author = "eve" };
            var forged = Convert.ToHexString(HistorySegment.Encode(operations, SegmentEffort.Best));
            connection.Execute($"UPDATE segments SET data = CAST(x'{forged}' AS BLOB)");
        }

        var verified = await VerifyAsync();

        Assert.Equal((1, Packed), (verified.Fault!.FirstVersion, verified.Fault.LastVersion));
    }

    [Fact]
    public async Task Who_computes_a_chain_of_his_own_is_found_by_a_link_that_was_kept_elsewhere()
    {
        await FillAsync();
        var kept = (await VerifyAsync()).Link;
        using (var connection = LogConnection.ConnectWriter(Options.Path, Options))
        {
            connection.Execute("UPDATE operations SET author = 'eve' WHERE version = 80");
            connection.BackfillAuditChains();
        }

        Assert.Null((await VerifyAsync()).Fault);
        Assert.Equal(Operations, (await VerifyAsync(kept)).Fault!.LastVersion);
    }

    [Fact]
    public async Task A_log_that_was_cut_off_is_found_by_a_link_that_was_kept_elsewhere()
    {
        await FillAsync();
        var kept = (await VerifyAsync()).Link;
        using (var connection = LogConnection.ConnectWriter(Options.Path, Options))
        {
            connection.Execute(
                "DELETE FROM operations WHERE version > 100; "
                + "UPDATE documents SET head = 100, chain = (SELECT chain FROM operations WHERE version = 100)");
        }

        Assert.Null((await VerifyAsync()).Fault);
        Assert.Contains("ends at version 100", (await VerifyAsync(kept)).Fault!.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Each_stretch_is_told_with_its_author_his_session_and_the_moment()
    {
        await FillAsync();
        await using var log = SqliteOperationLog.Open(Options);
        var audit = new AuditTrail(log);

        var now = await audit.FindAuthorsAsync("a", null, 0, null, Cancellation);
        var then = await audit.FindAuthorsAsync("a", 3, 0, 2, Cancellation);

        Assert.Equal((Operations, Operations), (now.Version, now.Length));
        // Each operation puts one letter in front.
        Assert.Equal(
            new AuthoredRun(0, 1, Author(Operations), 7, Moment(Operations), Operations, Operations - 1), now.Runs[0]);
        Assert.Equal(Enumerable.Range(0, Operations).Select(i => Operations - (long)i), now.Runs.Select(run => run.Version));
        Assert.Equal(["ada", "bob"], then.Runs.Select(run => run.Author));
        Assert.Equal([3, 2], then.Runs.Select(run => run.Version));
    }

    [Fact]
    public async Task Questions_that_make_no_sense_are_refused_by_name()
    {
        await FillAsync();
        await using var log = SqliteOperationLog.Open(Options);
        await log.CreateAsync(new NewDocument("json", "json", "", DateTimeOffset.UnixEpoch, ""), Cancellation);
        var audit = new AuditTrail(log);

        foreach (var (id, version, from, to, says) in new (string, long?, int, int?, string)[]
        {
            ("none", null, 0, null, "none"), ("a", 121, 0, null, "Version 121"), ("a", null, 0, 121, "120"),
            ("a", null, 5, 4, "From 5 to 4"), ("json", null, 0, null, "no positions"),
        })
        {
            var refused = await Assert.ThrowsAsync<RefusedException>(
                () => audit.FindAuthorsAsync(id, version, from, to, Cancellation));
            Assert.Contains(says, refused.Message, StringComparison.Ordinal);
        }
    }

    private static string Author(int version) => version % 2 == 0 ? "bob" : "ada";

    private static DateTimeOffset Moment(int version) => DateTimeOffset.UnixEpoch.AddSeconds(version);

    private async Task FillAsync()
    {
        await using var log = SqliteOperationLog.Open(Options);
        await log.CreateAsync(new NewDocument("a", "text", "", DateTimeOffset.UnixEpoch, ""), Cancellation);
        for (var version = 1; version <= Operations; version++)
        {
            await log.AppendAsync(
                [
                    new DocumentAppend("a", version - 1, [new NewOperation(
                        7, (ulong)version, version - 1, Author(version), Moment(version),
                        Delta.FromPlainText($"{(char)('a' + (version % 26))}").Bytes)]),
                ],
                Cancellation);
        }

        await log.PackAsync("a", Packed, 1, Cancellation);
    }

    private async Task<AuditVerification> VerifyAsync(AuditLink? kept = null)
    {
        await using var log = SqliteOperationLog.Open(Options);
        return await new AuditTrail(log).VerifyAsync("a", kept, Cancellation);
    }
}
