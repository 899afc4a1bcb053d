// What happens while the disk can't be written to, and afterwards: named, nothing half-written, and it passes.

using System.Collections;
using CloudSync.Log;
using Microsoft.Data.Sqlite;
using SQLitePCL;
using Xunit;

namespace CloudSync.Sqlite.Tests;

public sealed class UnavailableTests : IDisposable
{
    private readonly TemporaryDirectory directory = new();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose() => directory.Dispose();

    [Fact]
    public async Task When_no_page_is_left_an_append_fails_whole_and_small_ones_go_on()
    {
        await using var log = SqliteOperationLog.Open(
            new SqliteLogOptions { Path = directory.File(), PagesMax = 100 });
        await CreateAsync(log, "a", "b");
        await AppendAsync(log, "a", 0, 10);

        var failure = await Assert.ThrowsAsync<LogUnavailableException>(() => log.AppendAsync(
            [new("b", 0, [Operation(10)]), new("a", 1, [Operation(10), Operation(1 << 20)])], Cancellation));

        Assert.Contains("the disk is full", failure.Message, StringComparison.Ordinal);
        Assert.Equal([1, 0], await log.ReadHeadsAsync(["a", "b"], Cancellation));
        Assert.Single(await log.ReadAsync("a", 0, 10, 1_000, Cancellation));
        Assert.Empty(await log.ReadAsync("b", 0, 10, 1_000, Cancellation));
        await AppendAsync(log, "a", 1, 10);
        await AppendAsync(log, "b", 0, 10);
    }

    [Fact]
    public async Task On_a_full_disk_appends_fail_and_go_on_when_there_is_room_again()
    {
        var mount = directory.File("disk");
        Directory.CreateDirectory(mount);
        Assert.SkipUnless(
            OperatingSystem.IsLinux() && Shell.Run("mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", mount),
            "Mounting a small file system isn't permitted.");
        try
        {
            var filler = Path.Combine(mount, "filler");
            await File.WriteAllBytesAsync(filler, new byte[512 << 10], Cancellation);
            await using var log = SqliteOperationLog.Open(
                new SqliteLogOptions { Path = Path.Combine(mount, "log.db") });
            await CreateAsync(log, "a");
            long head = 0;
            var failure = await Assert.ThrowsAsync<LogUnavailableException>(async () =>
            {
                while (true)
                {
                    await AppendAsync(log, "a", head, 10_000);
                    head++;
                }
            });

            Assert.Contains("the disk is full", failure.Message, StringComparison.Ordinal);
            Assert.True(head > 10);
            Assert.Equal(head, (await log.ReadAsync("a", 0, 10_000, int.MaxValue, Cancellation)).Count);

            File.Delete(filler);
            await AppendAsync(log, "a", head, 10_000);
            Assert.Equal([head + 1], await log.ReadHeadsAsync(["a"], Cancellation));
        }
        finally
        {
            Assert.True(Shell.Run("umount", mount));
        }
    }

    [Fact]
    public async Task A_full_disk_at_the_first_opening_is_unavailable_and_not_unusable()
    {
        var options = new SqliteLogOptions { Path = directory.File(), PagesMax = 3 };
        var failure = Assert.Throws<LogUnavailableException>(() => SqliteOperationLog.Open(options));

        Assert.Contains("the disk is full", failure.Message, StringComparison.Ordinal);
        await using var log = SqliteOperationLog.Open(new SqliteLogOptions { Path = directory.File() });
        await CreateAsync(log, "a");
    }

    [Fact]
    public async Task While_another_process_keeps_the_file_locked_writes_fail_and_reads_go_on()
    {
        await using var log = SqliteOperationLog.Open(Impatient());
        await CreateAsync(log, "a");
        using (Lock())
        {
            var failure = await Assert.ThrowsAsync<LogUnavailableException>(() => AppendAsync(log, "a", 0, 1));
            Assert.Contains("another process keeps it locked", failure.Message, StringComparison.Ordinal);
            Assert.DoesNotContain('\n', failure.Message);
            await Assert.ThrowsAsync<LogUnavailableException>(() => CreateAsync(log, "b"));
            Assert.NotNull(await log.FindAsync("a", Cancellation));
            Assert.Throws<LogUnavailableException>(() => SqliteOperationLog.Open(Impatient()));
        }

        Assert.Null(await log.FindAsync("b", Cancellation));
        await AppendAsync(log, "a", 0, 1);
    }

    [Fact]
    public async Task Cancelling_stops_an_append_that_waits_for_its_turn_and_not_one_that_is_being_written()
    {
        await using var log = SqliteOperationLog.Open(new SqliteLogOptions { Path = directory.File() });
        await CreateAsync(log, "a", "b");
        using var cancelling = new CancellationTokenSource();
        using var writing = new Gate(Operation(1));
        var first = log.AppendAsync([new("a", 0, writing)], cancelling.Token);
        await writing.Entered.WaitAsync(Cancellation);
        var second = log.AppendAsync([new("b", 0, [Operation(1)])], cancelling.Token);

        await cancelling.CancelAsync();
        writing.Open();

        Assert.Equal([new AppendResult(AppendOutcome.Appended, 1)], await first);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => second);
        Assert.Equal([1, 0], await log.ReadHeadsAsync(["a", "b"], Cancellation));
    }

    [Fact]
    public async Task After_the_file_was_removed_nothing_is_acknowledged_any_more()
    {
        await using var log = SqliteOperationLog.Open(new SqliteLogOptions { Path = directory.File() });
        await CreateAsync(log, "a");
        File.Delete(directory.File());

        var failure = await Assert.ThrowsAsync<LogUnusableException>(() => AppendAsync(log, "a", 0, 1));

        Assert.Contains("was removed while in use", failure.Message, StringComparison.Ordinal);
        Assert.False(File.Exists(directory.File()));
    }

    [Fact]
    public async Task A_write_ahead_log_that_grew_because_of_a_reader_is_emptied_once_the_reader_is_gone()
    {
        await using var log = SqliteOperationLog.Open(
            new SqliteLogOptions { Path = directory.File(), WriteAheadBytesMax = 1 << 20 });
        await CreateAsync(log, "a");
        var head = 0;
        using (var reader = LogConnection.ConnectReader(directory.File(), new SqliteLogOptions()))
        {
            reader.Execute("BEGIN; SELECT head FROM documents");
            for (; head < 20; head++)
                await AppendAsync(log, "a", head, 1 << 20);
            Assert.True(new FileInfo(directory.File() + "-wal").Length > 20 << 20);
        }

        for (; head < 200; head++)
            await AppendAsync(log, "a", head, 1);

        Assert.InRange(new FileInfo(directory.File() + "-wal").Length, 0, 1 << 20);
        Assert.Equal([head], await log.ReadHeadsAsync(["a"], Cancellation));
    }

    [Fact]
    public async Task Disposing_writes_what_was_taken_and_refuses_what_comes_later()
    {
        var log = SqliteOperationLog.Open(new SqliteLogOptions { Path = directory.File() });
        await CreateAsync(log, "a");
        var appends = Enumerable.Range(0, 100).Select(i => AppendAsync(log, "a", i, 1)).ToArray();
        await log.DisposeAsync();
        await Task.WhenAll(appends);

        await Assert.ThrowsAsync<ObjectDisposedException>(() => AppendAsync(log, "a", 100, 1));
        await Assert.ThrowsAsync<ObjectDisposedException>(() => log.FindAsync("a", Cancellation));
        await log.DisposeAsync();
        // Everything is in the one file.
        Assert.Equal([directory.File()], Directory.GetFiles(directory.Path));
        await using var again = SqliteOperationLog.Open(new SqliteLogOptions { Path = directory.File() });
        Assert.Equal([100], await again.ReadHeadsAsync(["a"], Cancellation));
    }

    [Theory]
    [InlineData(raw.SQLITE_FULL, true)]
    [InlineData(raw.SQLITE_IOERR, true)]
    [InlineData(raw.SQLITE_BUSY, true)]
    [InlineData(raw.SQLITE_READONLY, true)]
    [InlineData(raw.SQLITE_CANTOPEN, true)]
    [InlineData(raw.SQLITE_NOMEM, true)]
    [InlineData(raw.SQLITE_CORRUPT, false)]
    [InlineData(raw.SQLITE_NOTADB, false)]
    public void Only_damage_is_no_reason_to_try_again(int code, bool passes)
    {
        var failure = LogFailure.InUse("/data/log.db", new SqliteException("text", code, code));

        Assert.IsType(passes ? typeof(LogUnavailableException) : typeof(LogUnusableException), failure);
        Assert.Contains("'/data/log.db'", failure.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', failure.Message);
    }

    private SqliteLogOptions Impatient() =>
        new() { Path = directory.File(), BusyTimeout = TimeSpan.FromMilliseconds(20) };

    private static async Task CreateAsync(SqliteOperationLog log, params string[] ids)
    {
        foreach (var id in ids)
            await log.CreateAsync(new NewDocument(id, "text", "", DateTimeOffset.UnixEpoch, ""), Cancellation);
    }

    private static async Task AppendAsync(SqliteOperationLog log, string id, long head, int size)
    {
        var result = await log.AppendAsync([new(id, head, [Operation(size)])], Cancellation);
        Assert.Equal([new AppendResult(AppendOutcome.Appended, head + 1)], result);
    }

    private static NewOperation Operation(int size) => new(1, 1, 0, "", DateTimeOffset.UnixEpoch, new byte[size]);

    /// <summary>Does what another process might do: takes the write lock and keeps it.</summary>
    private SqliteConnection Lock()
    {
        var connection = new SqliteConnection($"Data Source={directory.File()};Pooling=False");
        connection.Open();
        using var command = connection.CreateCommand();
        command.CommandText = "BEGIN IMMEDIATE";
        command.ExecuteNonQuery();
        return connection;
    }

    /// <summary>Operations at which the writer stands still until it is let through.</summary>
    private sealed class Gate(NewOperation operation) : IReadOnlyList<NewOperation>, IDisposable
    {
        private readonly TaskCompletionSource entered = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly ManualResetEventSlim open = new();
        private int enumerations;

        public Task Entered => entered.Task;

        public int Count => 1;

        public NewOperation this[int index] => operation;

        public void Open() => open.Set();

        public IEnumerator<NewOperation> GetEnumerator()
        {
            // The first time, the arguments are checked, on the caller's thread.
            if (++enumerations > 1)
            {
                entered.SetResult();
                open.Wait();
            }

            yield return operation;
        }

        IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

        public void Dispose() => open.Dispose();
    }
}
