// migrate, backup, restore: copies of a whole log (LogCopy.cs). docs/backup.md.

using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using CloudSync.Log;

namespace CloudSync.Server.Admin;

internal static class CopyCommands
{
    private const int Differing = 1;
    private const int Damaged = 7;

    private static readonly JsonSerializerOptions _json = new(JsonSerializerDefaults.Web);

    public static IEnumerable<Command> Create() => [CreateMigrate(), CreateBackup(), CreateRestore()];

    private static Command CreateMigrate()
    {
        var target = new Option<string>("--postgres")
        {
            Description = "The connection string of the PostgreSQL database that they are copied to.", Required = true,
        };
        var command = new Command("migrate", "Copies all documents from SQLite to PostgreSQL, with their whole history.")
        {
            LogAccess.Data, target, LogAccess.Json,
        };
        command.SetAction((parsed, stop) => CopyAsync(
            parsed, () => LogAccess.Open(null, parsed.GetRequiredValue(LogAccess.Data)),
            () => LogAccess.Open(parsed.GetRequiredValue(target), parsed.GetRequiredValue(LogAccess.Data)), stop));
        return command;
    }

    private static Command CreateBackup()
    {
        var file = new Option<FileInfo>("--to")
        {
            Description = "The file that everything is copied to; one that is there already is brought up to date.",
            Required = true,
        };
        var command = new Command("backup", "Copies all documents, with their whole history, into one file. The server may run.")
        {
            file, LogAccess.Data, LogAccess.PostgreSql, LogAccess.Json,
        };
        command.SetAction((parsed, stop) => CopyAsync(
            parsed, () => OpenServer(parsed), () => LogAccess.OpenFile(parsed.GetRequiredValue(file)), stop));
        return command;
    }

    private static Command CreateRestore()
    {
        var file = new Option<FileInfo>("--from") { Description = "What backup made.", Required = true };
        var command = new Command("restore", "Copies all documents of a backup into a database; what is there already stays.")
        {
            file, LogAccess.Data, LogAccess.PostgreSql, LogAccess.Json,
        };
        command.SetAction((parsed, stop) => CopyAsync(
            parsed,
            () => parsed.GetRequiredValue(file) is { Exists: true } backup
                ? LogAccess.OpenFile(backup)
                : throw new LogUnusableException($"There is no file '{parsed.GetRequiredValue(file)}'."),
            () => OpenServer(parsed, create: true), stop));
        return command;
    }

    private static ServiceProvider OpenServer(ParseResult parsed, bool create = false) => LogAccess.Open(
        LogAccess.ConnectionString(parsed), parsed.GetRequiredValue(LogAccess.Data), create);

    private static async Task<int> CopyAsync(
        ParseResult parsed, Func<ServiceProvider> openSource, Func<ServiceProvider> openTarget, CancellationToken stop)
    {
        try
        {
            await using var from = openSource();
            await using var to = openTarget();
            var source = from.GetRequiredService<IOperationLog>();
            var target = to.GetRequiredService<IOperationLog>();
            var waiting = await from.GetRequiredService<IOutbox>().MeasureAsync(stop).ConfigureAwait(false);
            if (waiting.Batches > 0)
            {
                Console.Error.WriteLine(string.Create(
                    CultureInfo.InvariantCulture,
                    $"cloudsync: {waiting.Batches} batches still wait for delivery there; they are delivered from there, not from the copy."));
            }

            var result = await new LogCopy(source, target, Report(parsed)).RunAsync(stop).ConfigureAwait(false);
            Write(result, parsed.GetValue(LogAccess.Json));
            return result.Damaged.Count > 0 ? Damaged : result.Differing.Count > 0 ? Differing : 0;
        }
        catch (Exception exception) when (exception is LogUnusableException or LogUnavailableException)
        {
            return CommandLine.Fail(CommandLine.LogUnusable, exception.Message);
        }
    }

    private static Action<long, long> Report(ParseResult parsed)
    {
        var last = 0L;
        return (documents, operations) =>
        {
            var now = Environment.TickCount64;
            if (parsed.GetValue(LogAccess.Json) || now - Interlocked.Read(ref last) < 1_000)
                return;
            Interlocked.Exchange(ref last, now);
            Console.Error.WriteLine(string.Create(
                CultureInfo.InvariantCulture, $"{documents:N0} documents, {operations:N0} operations …"));
        };
    }

    private static void Write(LogCopyResult result, bool json)
    {
        foreach (var document in result.Damaged)
        {
            Console.Error.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"cloudsync: document '{document.Id}' is damaged; of {document.Head:N0} operations the first {document.CopiedThrough:N0} are in the target: {document.Reason.ReplaceLineEndings(" ")}"));
        }

        if (json)
        {
            Console.WriteLine(JsonSerializer.Serialize(result, _json));
            return;
        }

        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{result.Documents:N0} documents ({result.Deleted:N0} of them deleted) with {result.Operations:N0} operations are in both, proved by their audit chains; {result.Copied:N0} operations were copied."));
        if (result.Differing.Count > 0)
        {
            Console.Error.WriteLine(
                "cloudsync: the target has other content under these ids, which was left as it is: "
                + string.Join(", ", result.Differing.Take(20)) + (result.Differing.Count > 20 ? " …" : ""));
        }
    }
}
