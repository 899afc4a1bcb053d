// Files that can't be used: each is named in one line that says what to do, and stays as it was, byte for byte.

using System.Diagnostics;
using System.Text;
using CloudSync.Log;
using Microsoft.Data.Sqlite;
using Xunit;

namespace CloudSync.Sqlite.Tests;

public sealed class UnusableFileTests : IDisposable
{
    private readonly TemporaryDirectory directory = new();

    private string Path => directory.File();

    public void Dispose() => directory.Dispose();

    [Theory]
    [InlineData("x")]
    [InlineData("My diary, which must not be overwritten.\n")]
    public void A_text_file_is_refused(string text)
    {
        File.WriteAllText(Path, text);

        AssertRefused(new SqliteLogOptions { Path = Path }, "is not a CloudSync database");
    }

    [Fact]
    public void A_file_of_random_bytes_is_refused()
    {
        var bytes = new byte[100_000];
        new Random(1).NextBytes(bytes);
        File.WriteAllBytes(Path, bytes);

        AssertRefused(new SqliteLogOptions { Path = Path }, "is not a CloudSync database");
    }

    [Fact]
    public void A_SQLite_database_of_another_program_is_refused()
    {
        Execute("CREATE TABLE diary (entry TEXT); INSERT INTO diary VALUES ('private')");

        AssertRefused(new SqliteLogOptions { Path = Path }, "of another program");
    }

    [Fact]
    public async Task A_database_of_a_newer_version_is_refused()
    {
        await FillAsync(3);
        Execute("PRAGMA user_version = 1000");

        AssertRefused(new SqliteLogOptions { Path = Path }, "newer CloudSync (schema 1000; this one knows 4)");
    }

    [Fact]
    public async Task A_file_with_a_damaged_header_is_refused()
    {
        await FillAsync(3);
        Overwrite(0, Encoding.ASCII.GetBytes("damaged!"));

        AssertRefused(new SqliteLogOptions { Path = Path }, "is not a CloudSync database");
    }

    [Fact]
    public async Task A_file_that_was_cut_off_is_refused()
    {
        await FillAsync(5_000);
        using (var file = File.OpenWrite(Path))
            file.SetLength(file.Length / 2);

        AssertRefused(new SqliteLogOptions { Path = Path }, "is corrupt");
    }

    [Fact]
    public async Task A_file_with_a_damaged_page_is_refused()
    {
        await FillAsync(5_000);
        Overwrite(new FileInfo(Path).Length / 2 / 4096 * 4096, new byte[4096]);

        AssertRefused(new SqliteLogOptions { Path = Path }, "is corrupt");
    }

    [Fact]
    public async Task Damage_that_is_met_after_opening_is_named_and_is_no_reason_to_try_again()
    {
        await FillAsync(5_000);
        Overwrite(new FileInfo(Path).Length / 2 / 4096 * 4096, new byte[4096]);
        await using var log = SqliteOperationLog.Open(new SqliteLogOptions { Path = Path, CheckBytes = 0 });

        var refusal = await Assert.ThrowsAsync<LogUnusableException>(
            () => log.ReadAsync("a", 0, 100_000, int.MaxValue, TestContext.Current.CancellationToken));

        AssertOneLine(refusal.Message, "is corrupt");
    }

    [Fact]
    public async Task A_version_that_is_missing_is_damage_and_is_never_skipped()
    {
        await FillAsync(10);
        Execute("DELETE FROM operations WHERE version = 5");
        await using var log = SqliteOperationLog.Open(new SqliteLogOptions { Path = Path });

        var refusal = await Assert.ThrowsAsync<LogUnusableException>(
            () => log.ReadAsync("a", 0, 10, int.MaxValue, TestContext.Current.CancellationToken));

        AssertOneLine(refusal.Message, "version 5 of document 'a' is missing");
    }

    [Fact]
    public void A_directory_where_the_file_should_be_is_refused()
    {
        Directory.CreateDirectory(Path);

        var refusal = Assert.Throws<LogUnusableException>(() => Open(new SqliteLogOptions { Path = Path }));

        AssertOneLine(refusal.Message, "is a directory");
        Assert.Empty(Directory.GetFileSystemEntries(Path));
    }

    [Fact]
    public void A_file_where_the_directory_should_be_is_refused()
    {
        File.WriteAllText(Path, "a file");
        var refusal = Assert.Throws<LogUnusableException>(
            () => Open(new SqliteLogOptions { Path = System.IO.Path.Combine(Path, "log.db") }));

        AssertOneLine(refusal.Message, "can't be created");
    }

    [Fact]
    public void A_directory_in_which_nobody_may_make_a_file_is_refused()
    {
        // Not even root may make a file there.
        Assert.SkipUnless(Directory.Exists("/proc/self"), "There is no /proc.");
        var refusal = Assert.Throws<LogUnusableException>(
            () => Open(new SqliteLogOptions { Path = "/proc/self/log.db" }));

        AssertOneLine(refusal.Message, "can't be opened for writing");
    }

    [Fact]
    public async Task A_read_only_file_is_refused()
    {
        await FillAsync(3);
        using (ReadOnly.Make(Path))
            AssertRefused(new SqliteLogOptions { Path = Path }, "is read-only");

        // Nothing was harmed: once it may be written to, it is as it was.
        await using var log = Open(new SqliteLogOptions { Path = Path });
        Assert.Equal([3], await log.ReadHeadsAsync(["a"], TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task An_empty_file_becomes_a_database()
    {
        File.WriteAllBytes(Path, []);

        await FillAsync(3);
    }

    [Fact]
    public async Task A_file_in_directories_that_do_not_exist_is_created_with_them()
    {
        var path = System.IO.Path.Combine(directory.Path, "some", "where", "log.db");

        await using var log = Open(new SqliteLogOptions { Path = path });

        Assert.True(File.Exists(path));
    }

    private static SqliteOperationLog Open(SqliteLogOptions options) => SqliteOperationLog.Open(options);

    private void AssertRefused(SqliteLogOptions options, string reason)
    {
        var before = File.ReadAllBytes(Path);

        var refusal = Assert.Throws<LogUnusableException>(() => Open(options));

        AssertOneLine(refusal.Message, reason);
        Assert.Contains(Path, refusal.Message, StringComparison.Ordinal);
        Assert.True(before.AsSpan().SequenceEqual(File.ReadAllBytes(Path)), "The file was changed.");
    }

    private static void AssertOneLine(string message, string reason)
    {
        Assert.Contains(reason, message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', message);
    }

    private async Task FillAsync(int operations)
    {
        var cancellation = TestContext.Current.CancellationToken;
        await using var log = Open(new SqliteLogOptions { Path = Path });
        await log.CreateAsync(new NewDocument("a", "text", "", DateTimeOffset.UnixEpoch, ""), cancellation);
        await log.AppendAsync(
            [
                new DocumentAppend(
                    "a",
                    0,
                    [.. Enumerable.Range(1, operations).Select(i => new NewOperation(
                        1, (ulong)i, i - 1, "", DateTimeOffset.UnixEpoch, new byte[40]))]),
            ],
            cancellation);
    }

    private void Overwrite(long position, byte[] bytes)
    {
        using var file = File.OpenWrite(Path);
        file.Position = position;
        file.Write(bytes);
    }

    private void Execute(string sql)
    {
        using var connection = new SqliteConnection($"Data Source={Path};Pooling=False");
        connection.Open();
        using var command = connection.CreateCommand();
#pragma warning disable CA2100 // The statements stand in this file.
        command.CommandText = sql;
#pragma warning restore CA2100
        command.ExecuteNonQuery();
    }

    /// <summary>Makes a file read-only for this user: by its mode, and for root, whom that doesn't stop, by chattr.</summary>
    private sealed class ReadOnly : IDisposable
    {
        private readonly string path;

        private ReadOnly(string path) => this.path = path;

        public static ReadOnly Make(string path)
        {
            Set(path, readOnly: true);
            var made = new ReadOnly(path);
            try
            {
                File.OpenWrite(path).Dispose();
            }
            catch (UnauthorizedAccessException)
            {
                return made;
            }

            made.Dispose();
            Assert.Skip("This user may write to any file, and chattr isn't permitted.");
            throw new UnreachableException();
        }

        public void Dispose() => Set(path, readOnly: false);

        private static void Set(string path, bool readOnly)
        {
            if (Environment.IsPrivilegedProcess)
            {
                Shell.Run("chattr", readOnly ? "+i" : "-i", path);
                return;
            }

            File.SetAttributes(path, readOnly ? FileAttributes.ReadOnly : FileAttributes.Normal);
        }
    }
}
