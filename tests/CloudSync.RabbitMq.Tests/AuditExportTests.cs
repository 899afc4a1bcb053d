// The audit export, and the consumer that makes snapshots.

using System.Text.Json;
using CloudSync.Log;
using Xunit;

namespace CloudSync.RabbitMq.Tests;

public sealed class AuditExportTests : IDisposable
{
    private readonly TemporaryDirectory _folder = new();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private string Audit => _folder.File("audit");

    [Fact]
    public async Task Every_operation_is_a_line_with_its_author_and_the_chain_s_link_outside_of_the_log()
    {
        byte[] head;
        await using (var host = Host())
        {
            await host.CreateAsync("notes");
            await host.StartAsync();
            for (var version = 0; version < 20; version += 2)
                await host.AppendAsync("notes", version, 2);
            head = (await host.Log.ReadAuditLinksAsync("notes", 19, 1, Cancellation))[0].Hash.ToArray();
            await LinesAsync(20);
        }

        var lines = Lines();
        Assert.Equal(Enumerable.Range(1, 20).Select(static version => (long)version), lines.Select(Version).Distinct().Order());
        var last = lines.Last(static line => Version(line) == 20);
        Assert.Equal("notes", last.GetProperty("document").GetString());
        Assert.Equal("ada", last.GetProperty("author").GetString());
        Assert.Equal("7", last.GetProperty("clientId").GetString());
        Assert.Equal(Convert.ToHexStringLower(head), last.GetProperty("link").GetString());
    }

    [Fact]
    public async Task After_a_crash_within_a_line_the_line_is_cut_off_and_written_again()
    {
        await using (var host = Host())
        {
            await host.CreateAsync("notes");
            await host.StartAsync();
            await host.AppendAsync("notes", 0, 3);
            await LinesAsync(3);
        }

        var torn = Directory.GetFiles(Audit).Single();
        var whole = new FileInfo(torn).Length;
        await File.AppendAllTextAsync(torn, "{\"document\":\"no", Cancellation);
        await using (var host = Host())
        {
            await host.StartAsync();
            await host.AppendAsync("notes", 3, 2);
            await LinesAsync(5);
        }

        Assert.Equal(whole, new FileInfo(torn).Length);
        Assert.Equal([1, 2, 3, 4, 5], Lines().Select(Version).Distinct().Order());
    }

    [Fact]
    public async Task A_file_that_is_full_is_followed_by_another()
    {
        await using var host = Host(("CloudSync:Delivery:AuditFileBytes", "1024"));
        await host.CreateAsync("notes");
        await host.StartAsync();
        for (var version = 0; version < 20; version++)
        {
            await host.AppendAsync("notes", version, 1);
            await LinesAsync(version + 1);
        }

        Assert.True(Directory.GetFiles(Audit).Length > 1);
    }

    [Fact]
    public async Task A_document_that_nobody_has_open_gets_a_snapshot_when_much_was_written_to_it()
    {
        await using var host = Host(("CloudSync:Delivery:Snapshots", "true"), ("CloudSync:SnapshotOperations", "50"));
        await host.CreateAsync("notes");
        await host.StartAsync();
        await host.AppendAsync("notes", 0, 300);
        await Eventually.IsAsync(
            async () => await host.Log.FindSnapshotAsync("notes", 300, CancellationToken.None) is { Version: 300 },
            static () => "There is no snapshot.");
    }

    public void Dispose() => _folder.Dispose();

    private DeliveryHost Host(params (string Name, string Value)[] more)
    {
        var settings = new Dictionary<string, string?> { ["CloudSync:Delivery:AuditFolder"] = Audit };
        foreach (var (name, value) in more)
            settings[name] = value;
        return new(_folder.Path, static _ => { }, settings);
    }

    private async Task LinesAsync(int count)
    {
        await Eventually.IsAsync(
            () => Directory.Exists(Audit) && LinesSoFar().Select(Version).Distinct().Count() >= count, $"There are no {count} lines.");
    }

    // It is being looked through for a line that was cut off.
    private List<JsonElement> LinesSoFar()
    {
        try
        {
            return Lines();
        }
        catch (IOException)
        {
            return [];
        }
    }

    private static long Version(JsonElement line) => line.GetProperty("version").GetInt64();

    private List<JsonElement> Lines()
    {
        var lines = new List<JsonElement>();
        foreach (var path in Directory.GetFiles(Audit))
        {
            using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
            using var reader = new StreamReader(file);
            var text = reader.ReadToEnd();
            foreach (var line in text[..(text.LastIndexOf('\n') + 1)].Split('\n', StringSplitOptions.RemoveEmptyEntries))
                lines.Add(JsonDocument.Parse(line).RootElement);
        }

        return lines;
    }
}
