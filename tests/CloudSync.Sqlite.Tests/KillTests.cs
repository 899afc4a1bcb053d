// What was acknowledged is there after the process was killed without warning, again and again.

using System.Diagnostics;
using System.Globalization;
using CloudSync.Log;
using Xunit;

namespace CloudSync.Sqlite.Tests;

public sealed class KillTests
{
    internal const string ChildArgument = "--append-until-killed";
    internal const string PackingArgument = "--append-and-pack-until-killed";

    private const int Kills = 12;
    private static readonly string[] Documents = ["a", "b", "c", "d"];

    [Fact]
    public Task Every_acknowledged_operation_survives_a_process_that_is_killed_again_and_again() =>
        KillAgainAndAgainAsync(ChildArgument);

    [Fact]
    public async Task Every_acknowledged_operation_survives_a_process_that_is_killed_while_it_packs()
    {
        using var directory = new TemporaryDirectory();
        await KillAgainAndAgainAsync(PackingArgument, directory);

        var options = new SqliteLogOptions { Path = directory.File() };
        using var connection = LogConnection.ConnectReader(options.Path, options);
        Assert.NotEqual(0, connection.QueryInt64("SELECT count(*) FROM segments"));
    }

    private static async Task KillAgainAndAgainAsync(string childArgument)
    {
        using var directory = new TemporaryDirectory();
        await KillAgainAndAgainAsync(childArgument, directory);
    }

    private static async Task KillAgainAndAgainAsync(string childArgument, TemporaryDirectory directory)
    {
        var cancellation = TestContext.Current.CancellationToken;
        var seed = Environment.TickCount;
        TestContext.Current.SendDiagnosticMessage("Seed {0}", seed);
        var random = new Random(seed);
        var acknowledged = new Dictionary<string, long>(StringComparer.Ordinal);

        for (var run = 1; run <= Kills; run++)
        {
            await KillAfterAsync(childArgument, directory.File(), run, random.Next(1, 400), acknowledged, cancellation);
            await CheckAsync(directory.File(), run, acknowledged, seed, cancellation);
        }

        Assert.True(acknowledged.Values.Sum() > Kills, $"Hardly anything was written (seed {seed}).");
    }

    /// <summary>
    /// The child: several appenders, each with a document of its own, one operation after the other. Prints the document
    /// and the version once they are acknowledged. Ends only by being killed, or with an error.
    /// </summary>
    /// <param name="path">The database.</param>
    /// <param name="run">The client id of what it appends.</param>
    /// <param name="packing">Whether everything is packed at the same time, by two at once, as fast as it goes.</param>
    internal static async Task<int> AppendUntilKilledAsync(string path, string run, bool packing)
    {
        await using var log = SqliteOperationLog.Open(new SqliteLogOptions { Path = path });
        var output = TextWriter.Synchronized(
            new StreamWriter(Console.OpenStandardOutput()) { AutoFlush = true, NewLine = "\n" });
        var client = ulong.Parse(run, CultureInfo.InvariantCulture);
        foreach (var id in Documents)
        {
            if (await log.FindAsync(id, default) is null)
                await log.CreateAsync(new NewDocument(id, "text", id, DateTimeOffset.UnixEpoch, ""), default);
        }

        var packers = (packing ? Documents.Concat(Documents) : []).Select(id => Task.Run(async () =>
        {
            while (true)
                await log.PackAsync(id, long.MaxValue, 1, default);
        }));
        await Task.WhenAll(Documents.Select(id => Task.Run(async () =>
        {
            var head = (await log.ReadHeadsAsync([id], default))[0];
            while (true)
            {
                var operation = new NewOperation(
                    client, (ulong)head + 1, head, "", DateTimeOffset.UnixEpoch, BitConverter.GetBytes(head + 1));
                var result = (await log.AppendAsync([new DocumentAppend(id, head, [operation])], default))[0];
                if (result.Outcome != AppendOutcome.Appended)
                    throw new InvalidOperationException($"{id}: {result}");
                head = result.Head;
                output.WriteLine($"{id} {head}");
            }
        })).Concat(packers));
        return 1;
    }

    private static async Task KillAfterAsync(
        string childArgument, string path, int run, int lines, Dictionary<string, long> acknowledged, CancellationToken cancellation)
    {
        using var child = Process.Start(new ProcessStartInfo(Environment.ProcessPath!)
        {
            ArgumentList = { childArgument, path, run.ToString(CultureInfo.InvariantCulture) },
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        var errors = child.StandardError.ReadToEndAsync(cancellation);
        for (var i = 0; ; i++)
        {
            // SIGKILL. What the child has written into the pipe by then is read to the end.
            if (i == lines)
                child.Kill();
            if (await child.StandardOutput.ReadLineAsync(cancellation) is not { } line)
                break;
            // The last line may have been cut off by the kill: then it was acknowledged, but not how far.
            if (line.Split(' ') is [var id, var version]
                && long.TryParse(version, CultureInfo.InvariantCulture, out var head)
                && head > acknowledged.GetValueOrDefault(id))
            {
                acknowledged[id] = head;
            }
        }

        await child.WaitForExitAsync(cancellation);
        Assert.True(child.ExitCode == 137, $"The child ended by itself: {await errors}");
    }

    /// <summary>How many operations are in both places, or in neither.</summary>
    private static long Misplaced(string path, string id, long head)
    {
        using var connection = LogConnection.ConnectReader(path, new SqliteLogOptions());
        var document = connection.QueryInt64($"SELECT number FROM documents WHERE id = '{id}'");
        var packed = connection.QueryInt64(
            $"SELECT sum(last_version - first_version + 1) FROM segments WHERE document = {document}");
        var rows = connection.QueryInt64($"SELECT count(*) FROM operations WHERE document = {document}");
        var doubled = connection.QueryInt64(
            $"""
            SELECT count(*) FROM operations JOIN segments USING (document)
            WHERE document = {document} AND version BETWEEN first_version AND last_version
            """);
        return Math.Abs(head - packed - rows) + doubled;
    }

    private static async Task CheckAsync(
        string path, int run, Dictionary<string, long> acknowledged, int seed, CancellationToken cancellation)
    {
        await using var log = SqliteOperationLog.Open(new SqliteLogOptions { Path = path });
        foreach (var (id, version) in acknowledged)
        {
            var head = (await log.ReadHeadsAsync([id], cancellation))[0];
            var read = await log.ReadAsync(id, 0, 100_000, int.MaxValue, cancellation);
            Assert.True(head >= version, $"{id}: {version} was acknowledged, {head} is there (run {run}, seed {seed}).");
            Assert.Equal(head, read.Count);
            Assert.Equal(0, Misplaced(path, id, head));
            Assert.All(read, operation =>
            {
                Assert.Equal(operation.Version, BitConverter.ToInt64(operation.Bytes.Span));
                Assert.Equal((ulong)operation.Version, operation.ClientSequence);
            });
        }
    }
}
