// A server that was alone on SQLite moves to PostgreSQL while people are at work: what they have not saved yet they save there.

using System.Net;
using System.Net.Http.Json;
using System.Text.Json.Nodes;
using CloudSync.Client;
using CloudSync.Cluster.Parts;
using CloudSync.Operations;
using Xunit;

namespace CloudSync.PostgreSql.Tests.Copies;

public sealed class MovedServerTests(Servers servers)
{
    private const int VersionsMin = 8;

    private static readonly TimeSpan _patience = TimeSpan.FromMinutes(2);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Clients_that_were_cut_off_save_their_edits_once_on_PostgreSQL_and_every_version_is_as_it_was(bool throughBouncer)
    {
        using var directory = new TemporaryDirectory();
        var database = await servers.CreateDatabaseAsync();
        var target = servers.ConnectionString(database, throughBouncer);
        var (data, port) = (directory.Folder("data"), ServerProcess.FreePort());
        await using var alone = await CloudSyncProgram.ServeAsync(data, port);
        string[] ids = ["notes", "draft", "board"];
        using (var http = new HttpClient { BaseAddress = alone.Address })
        {
            await CreateAsync(http, new JsonObject { ["id"] = "notes", ["type"] = "rich-text", ["title"] = "Notes" });
            await CreateAsync(http, new JsonObject { ["id"] = "draft", ["type"] = "text" });
            await CreateAsync(http, new JsonObject { ["id"] = "board", ["type"] = "json", ["content"] = new JsonObject { ["cards"] = new JsonArray() } });
        }

        using CloudSyncClient ann = NewClient(alone, "ann"), bob = NewClient(alone, "bob");
        var typists = new List<Typist>();
        foreach (var client in (CloudSyncClient[])[ann, bob])
            typists.Add(new Typist(await OpenAsync(client, "notes"), await OpenAsync(client, "draft"), await OpenAsync(client, "board"), client == ann ? "a" : "b"));
        // One version each: what waits together would be saved as one.
        for (var i = 0; i < VersionsMin; i++)
        {
            foreach (var typist in typists)
                typist.Type(1);
            await Task.WhenAll(typists.Select(typist => typist.SavedAsync())).WaitAsync(_patience, Cancellation);
        }

        // Of these some are committed, and nobody has heard of it.
        foreach (var typist in typists)
            typist.Type(20);
        await alone.KillAsync();
        foreach (var typist in typists)
            typist.Type(5);

        var (exitCode, _, errors) = await CloudSyncProgram.RunAsync("migrate", "--data", data, "--postgres", target);
        Assert.True(exitCode == 0, errors);
        await using (var moved = await CloudSyncProgram.ServeAsync(directory.Folder("moved"), port, target))
        {
            await Task.WhenAll(typists.Select(typist => typist.SavedAsync())).WaitAsync(_patience, Cancellation);
            // The old one, put up once more beside it, to be compared with.
            await using var old = await CloudSyncProgram.ServeAsync(data, ServerProcess.FreePort());
            using HttpClient there = new() { BaseAddress = moved.Address }, here = new() { BaseAddress = old.Address };
            foreach (var id in ids)
            {
                var head = (long)(await here.GetFromJsonAsync<JsonObject>($"api/documents/{id}/snapshot", Cancellation))!["version"]!;
                Assert.True(head >= VersionsMin, $"Nothing was written to '{id}'.");
                for (var version = 0L; version <= head; version++)
                {
                    Assert.Equal(
                        await here.GetStringAsync($"api/documents/{id}/snapshot?version={version}", Cancellation),
                        await there.GetStringAsync($"api/documents/{id}/snapshot?version={version}", Cancellation));
                }
            }

            Assert.Equal("Notes", (string?)(await there.GetFromJsonAsync<JsonObject>("api/documents/notes", Cancellation))!["title"]);
            Assert.Equal(typists.SelectMany(static typist => typist.Typed).Order(), Words(await TextAsync(there, "notes")));
            Assert.Equal(typists.SelectMany(static typist => typist.Typed).Order(), Words(await TextAsync(there, "draft")));
            var cards = (await there.GetFromJsonAsync<JsonObject>("api/documents/board/snapshot", Cancellation))!["content"]!["cards"]!.AsArray();
            Assert.Equal(typists.SelectMany(static typist => typist.Typed).Order(), cards.Select(card => (string)card!).Order());
            foreach (var id in ids)
            {
                var verified = await CloudSyncProgram.RunAsync("audit", "verify", id, "--postgres", target);
                Assert.True(verified.ExitCode == 0, verified.Output + verified.Errors);
            }
        }

        await servers.DropDatabaseAsync(database);
    }

    private static IEnumerable<string> Words(string text) => text.Split([' ', '\n'], StringSplitOptions.RemoveEmptyEntries).Order();

    private static Task<string> TextAsync(HttpClient http, string id) =>
        http.GetStringAsync($"api/documents/{id}/export?format=text", Cancellation);

    private static async Task CreateAsync(HttpClient http, JsonObject document)
    {
        using var response = await http.PostAsJsonAsync("api/documents", document, Cancellation);
        Assert.Equal(HttpStatusCode.Created, response.StatusCode);
    }

    private static CloudSyncClient NewClient(GatewayServer server, string name) => new(
        new Uri(server.Address, "sync"),
        new CloudSyncClientOptions
        {
            User = new User(name, name, "#336699"),
            BackoffStep = TimeSpan.FromMilliseconds(50),
            BackoffMax = TimeSpan.FromMilliseconds(500),
        });

    private static Task<CollaborativeDocument> OpenAsync(CloudSyncClient client, string id) =>
        client.OpenAsync(id, Cancellation).WaitAsync(_patience, Cancellation);

    /// <summary>Writes words into three documents, each once.</summary>
    private sealed class Typist(CollaborativeDocument notes, CollaborativeDocument draft, CollaborativeDocument board, string name)
    {
        public List<string> Typed { get; } = [];

        public void Type(int words)
        {
            for (var i = 0; i < words; i++)
            {
                var word = $"{name}{Typed.Count}";
                notes.Submit(Delta.Build().Insert(word + " ", new JsonObject { ["bold"] = true }).ToDelta());
                draft.Submit(Delta.Build().Insert(word + " ").ToDelta());
                board.EditJson(edit => edit.Insert(["cards", 0], word));
                Typed.Add(word);
            }
        }

        public Task SavedAsync() => Task.WhenAll(notes.WhenSavedAsync(), draft.WhenSavedAsync(), board.WhenSavedAsync());
    }
}
