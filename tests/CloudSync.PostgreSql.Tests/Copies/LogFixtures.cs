// Logs to be copied, what is in them in a form that can be compared, and the program that copies them.

using System.Diagnostics;
using CloudSync.Cluster.Parts;
using CloudSync.Log;
using CloudSync.Operations;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace CloudSync.PostgreSql.Tests.Copies;

/// <summary>The CloudSync program.</summary>
internal static class CloudSyncProgram
{
    private static string File => Path.Combine(AppContext.BaseDirectory, "CloudSync.Server");

    /// <summary>Starts a command.</summary>
    public static Process Start(params string[] arguments) => Process.Start(
        new ProcessStartInfo(File, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;

    /// <summary>Runs a command to its end.</summary>
    public static async Task<(int ExitCode, string Output, string Errors)> RunAsync(params string[] arguments)
    {
        using var process = Start(arguments);
        var output = process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        var errors = await process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        return (process.ExitCode, await output, errors);
    }

    /// <summary>A server alone: on SQLite in its folder, or on PostgreSQL.</summary>
    public static Task<GatewayServer> ServeAsync(string folder, int port, string? connectionString = null) => GatewayServer.StartAsync(
        new GatewaySettings(
            "server", folder, port, "all", File, Path.Combine(folder, "no-web"),
            connectionString is null
                ? new Dictionary<string, string>()
                : new Dictionary<string, string> { ["CloudSync__PostgreSql__ConnectionString"] = connectionString }),
        TestContext.Current.CancellationToken);
}

/// <summary>Makes logs, and looks into them.</summary>
internal static class Logs
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public static ServiceProvider OpenSqlite(string file) =>
        new ServiceCollection().AddSqliteLog(options => options.Path = file).BuildServiceProvider();

    public static ServiceProvider OpenPostgres(string connectionString) =>
        new ServiceCollection().AddPostgreSqlLog(options => options.ConnectionString = connectionString).BuildServiceProvider();

    /// <summary>A plain text that several wrote, an insertion at the front each.</summary>
    public static async Task FillAsync(IOperationLog log, string id, int operations, params string[] authors)
    {
        await log.CreateAsync(new NewDocument(id, "text", $"Title of {id} – ”ü”", DateTimeOffset.UnixEpoch, authors[0]), Cancellation);
        await AppendAsync(log, id, 0, operations, authors);
    }

    public static async Task AppendAsync(IOperationLog log, string id, int head, int count, params string[] authors)
    {
        for (var at = head; at < head + count; at += 4_000)
        {
            var first = at;
            var result = await log.AppendAsync(
                [
                    new DocumentAppend(id, at, [.. Enumerable.Range(at + 1, Math.Min(4_000, head + count - at)).Select(version => new NewOperation(
                        (ulong)(version % authors.Length) + ulong.MaxValue - 9, (ulong)version, Math.Max(first, version - 3), authors[version % authors.Length],
                        DateTimeOffset.UnixEpoch.AddMilliseconds(10 * version).AddMicroseconds(version % 7), Delta.FromPlainText($"{version % 10}").Bytes))]),
                ],
                Cancellation);
            Assert.Equal(AppendOutcome.Appended, result[0].Outcome);
        }
    }

    /// <summary>Packs a document's operations up to a version, and keeps a snapshot there.</summary>
    public static async Task PackAsync(IOperationLog log, string id, long version)
    {
        var state = await FoldAsync(log, id, version);
        var snapshot = new System.Buffers.ArrayBufferWriter<byte>();
        state.EncodeSnapshot(snapshot);
        await log.SaveSnapshotAsync(id, version, snapshot.WrittenMemory, Cancellation);
        while ((await log.PackAsync(id, version, 1, Cancellation)).Operations > 0)
        {
        }
    }

    /// <summary>The content at a version, from the operations alone.</summary>
    public static async Task<DocumentState> FoldAsync(IOperationLog log, string id, long version)
    {
        var state = DocumentType.Find((await log.FindAsync(id, Cancellation))!.Type)!.CreateEmpty();
        foreach (var operation in await log.ReadHistoryAsync(id, 0, version, int.MaxValue, Cancellation))
            state.Apply(operation.Bytes.Span);
        return state;
    }

    /// <summary>Everything that a log holds: documents, deleted ones, and each operation with all that is known of it.</summary>
    public static async Task<List<string>> DescribeAsync(IOperationLog log)
    {
        var documents = await log.ListByIdAsync("", 1_000, Cancellation);
        var deleted = await log.ListDeletedAsync("", 1_000, Cancellation);
        var lines = documents.Select(static record => $"{record}").Concat(deleted.Select(static document => $"{document}")).ToList();
        foreach (var record in documents.Concat(deleted.Select(static document => document.Record)))
        {
            var history = await log.ReadHistoryAsync(record.Id, 0, record.Head, int.MaxValue, Cancellation);
            Assert.Equal(record.Head, history.Count);
            lines.AddRange(history.Select(operation =>
                $"{record.Id} {operation with { Bytes = default }} {operation.CommittedAt.UtcTicks} {Convert.ToHexString(operation.Bytes.Span)}"));
        }

        return lines;
    }
}
