// The commands that open a server's log beside it: audit, backup, restore. As an operator runs them.

using System.Text.Json;
using CloudSync.Log;
using CloudSync.Operations;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace CloudSync.Server.Tests.Program;

public sealed class AdminCommandsTests : IDisposable
{
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("cloudsync-admin-");

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private string Data => Path.Combine(_directory.FullName, "data");

    public void Dispose() => _directory.Delete(recursive: true);

    [Fact]
    public async Task A_document_is_verified_and_a_link_that_was_kept_is_compared()
    {
        await FillAsync();

        var (exitCode, output, _) = await RunAsync("audit", "verify", "long", "--data", Data, "--json");
        Assert.Equal(0, exitCode);
        var found = JsonDocument.Parse(output).RootElement;
        Assert.True(found.GetProperty("sound").GetBoolean());
        Assert.Equal(20_000, found.GetProperty("version").GetInt64());
        var link = found.GetProperty("link").GetString()!;

        Assert.Equal(0, (await RunAsync("audit", "verify", "long", "--data", Data, "--expect", $"20000:{link}")).ExitCode);
        var other = await RunAsync("audit", "verify", "long", "--data", Data, "--expect", $"20000:{new string('0', 64)}");
        Assert.Equal(1, other.ExitCode);
        Assert.Contains("NOT as it was written", other.Output, StringComparison.Ordinal);
        Assert.Equal(2, (await RunAsync("audit", "verify", "long", "--data", Data, "--expect", "nonsense")).ExitCode);
        Assert.Equal(6, (await RunAsync("audit", "verify", "none", "--data", Data)).ExitCode);
        var missing = await RunAsync("audit", "verify", "long", "--data", Path.Combine(Data, "nowhere"));
        Assert.Equal(3, missing.ExitCode);
        Assert.Contains("There is no database", missing.Errors, StringComparison.Ordinal);
        Assert.False(Directory.Exists(Path.Combine(Data, "nowhere")));
    }

    [Fact]
    public async Task Authors_are_told_for_any_stretch()
    {
        await FillAsync();

        var (exitCode, output, _) = await RunAsync(
            "audit", "authors", "short", "--data", Data, "--from", "1", "--to", "3", "--json");

        Assert.Equal(0, exitCode);
        var runs = JsonDocument.Parse(output).RootElement.GetProperty("runs").EnumerateArray().ToList();
        Assert.Equal(["bob", "ada"], runs.Select(run => run.GetProperty("author").GetString()));
        Assert.Equal([2L, 1L], runs.Select(run => run.GetProperty("version").GetInt64()));
    }

    [Fact]
    public async Task A_backup_is_brought_up_to_date_and_restored_to_the_same_log_deleted_documents_included()
    {
        await FillAsync();
        var file = Path.Combine(_directory.FullName, "backup.db");
        var first = await RunAsync("backup", "--to", file, "--data", Data, "--json");
        Assert.Equal((0, ""), (first.ExitCode, first.Errors));
        Assert.Equal(20_006, Number(first.Output, "copied"));
        await using (var services = Open(Data))
        {
            var log = services.GetRequiredService<IOperationLog>();
            await log.RenameAsync("short", "Renamed", Cancellation);
            await AppendAsync(log, "short", 3, "eve", "!");
            await log.DeleteAsync("empty", DateTimeOffset.UnixEpoch.AddDays(9), Cancellation);
        }

        var second = await RunAsync("backup", "--to", file, "--data", Data, "--json");
        Assert.Equal((0, 1), (second.ExitCode, Number(second.Output, "copied")));
        Assert.Equal((4, 2), (Number(second.Output, "documents"), Number(second.Output, "deleted")));
        var restored = Path.Combine(_directory.FullName, "restored");
        Assert.Equal(0, (await RunAsync("restore", "--from", file, "--data", restored)).ExitCode);

        await using var original = Open(Data);
        await using var copy = Open(restored);
        var (a, b) = (original.GetRequiredService<IOperationLog>(), copy.GetRequiredService<IOperationLog>());
        Assert.Equal(await a.ListAsync(null, 100, Cancellation), await b.ListAsync(null, 100, Cancellation));
        Assert.Equal(await a.ListDeletedAsync("", 100, Cancellation), await b.ListDeletedAsync("", 100, Cancellation));
        foreach (var id in (string[])["short", "long", "gone"])
        {
            Assert.Equal(
                (await a.ReadHistoryAsync(id, 0, 100_000, int.MaxValue, Cancellation)).Select(Text),
                (await b.ReadHistoryAsync(id, 0, 100_000, int.MaxValue, Cancellation)).Select(Text));
        }

        await Assert.ThrowsAsync<DocumentExistsException>(
            () => b.CreateAsync(new NewDocument("gone", "text", "", DateTimeOffset.UnixEpoch, ""), Cancellation));

        static string Text(LoggedOperation operation) =>
            $"{operation with { Bytes = default }} {Convert.ToHexString(operation.Bytes.Span)}";
    }

    [Fact]
    public async Task What_the_target_has_otherwise_under_the_same_id_is_left_as_it_is_and_named()
    {
        await FillAsync();
        var file = Path.Combine(_directory.FullName, "backup.db");
        Assert.Equal(0, (await RunAsync("backup", "--to", file, "--data", Data)).ExitCode);
        var other = Path.Combine(_directory.FullName, "other");
        await using (var services = Open(other))
        {
            var log = services.GetRequiredService<IOperationLog>();
            await log.CreateAsync(New("short"), Cancellation);
            await AppendAsync(log, "short", 0, "eve", "mine");
        }

        var restored = await RunAsync("restore", "--from", file, "--data", other);

        Assert.Equal(1, restored.ExitCode);
        Assert.Contains("short", restored.Errors, StringComparison.Ordinal);
        await using var after = Open(other);
        Assert.Equal("eve", (await after.GetRequiredService<IOperationLog>().ReadAsync("short", 0, 1, 1, Cancellation))[0].Author);
    }

    private static long Number(string json, string property) =>
        JsonDocument.Parse(json).RootElement.GetProperty(property).GetInt64();

    private static async Task<(int ExitCode, string Output, string Errors)> RunAsync(params string[] arguments)
    {
        await using var program = RunningProgram.Start("CloudSync.Server", arguments);
        return await program.ExitAsync();
    }

    private static ServiceProvider Open(string data) => new ServiceCollection()
        .AddSqliteLog(options => options.Path = Path.Combine(data, "cloudsync.db")).BuildServiceProvider();

    private static NewDocument New(string id) => new(id, "text", $"Title of {id}", DateTimeOffset.UnixEpoch, "ada");

    private static Task<IReadOnlyList<AppendResult>> AppendAsync(
        IOperationLog log, string id, long head, string author, params string[] texts) => log.AppendAsync(
        [
            new DocumentAppend(id, head, [.. texts.Select((text, i) => new NewOperation(
                7, (ulong)(head + i + 1), head, author, DateTimeOffset.UnixEpoch.AddSeconds(head + i),
                Delta.FromPlainText(text).Bytes))]),
        ],
        Cancellation);

    private async Task FillAsync()
    {
        await using var services = Open(Data);
        var log = services.GetRequiredService<IOperationLog>();
        foreach (var id in (string[])["short", "long", "gone", "empty"])
            await log.CreateAsync(New(id), Cancellation);
        await AppendAsync(log, "short", 0, "ada", "a");
        await AppendAsync(log, "short", 1, "bob", "b");
        await AppendAsync(log, "short", 2, "ada", "c");
        await AppendAsync(log, "gone", 0, "ada", "a", "b", "c");
        for (var head = 0; head < 20_000; head += 4_000)
            await AppendAsync(log, "long", head, "ada", [.. Enumerable.Repeat("x", 4_000)]);
        while ((await log.PackAsync("long", 9_000, 1, Cancellation)).Operations > 0)
        {
        }

        await log.SaveSnapshotAsync("short", 2, Delta.FromPlainText("ba").Bytes, Cancellation);
        await log.DeleteAsync("gone", DateTimeOffset.UnixEpoch.AddDays(1), Cancellation);
    }
}
