// The promise of the whole product: the server may be killed at any moment, again and again, and not one acknowledged
// operation is lost, doubled or reordered.

using System.Net.Http.Json;
using System.Text.Json.Nodes;
using CloudSync.Client;
using CloudSync.Log;
using CloudSync.Operations;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace CloudSync.EndToEnd.Tests;

public sealed class KilledServerTests
{
    private const int Clients = 4;
    private const int Kills = 12;

    private static readonly (string Id, string Type, Habit Habit)[] Documents =
    [
        ("letters", "text", Habit.UniqueCharacters),
        ("draft", "text", Habit.Text),
        ("notes", "rich-text", Habit.RichText),
    ];

    [Fact(Timeout = 600_000)]
    public async Task Nothing_acknowledged_is_lost_or_doubled_when_the_server_is_killed_again_and_again()
    {
        var cancellation = TestContext.Current.CancellationToken;
        var seed = Environment.TickCount;
        TestContext.Current.TestOutputHelper?.WriteLine($"Seed {seed}");
        using var data = new TemporaryDirectory();
        var counter = new AcknowledgementCounter();
        var clients = new List<CloudSyncClient>();
        var server = await StartAsync(data.Path, 0, cancellation);
        try
        {
            await CreateDocumentsAsync(server, cancellation);
            var typists = new List<Typist>();
            var open = new List<CollaborativeDocument>();
            for (var i = 0; i < Clients; i++)
            {
                var client = NewClient(server, seed + i);
                clients.Add(client);
                for (var j = 0; j < Documents.Length; j++)
                {
                    var document = await client.OpenAsync(Documents[j].Id, cancellation);
                    open.Add(document);
                    typists.Add(new Typist(
                        client, document, Documents[j].Habit, i, new Random(seed + (100 * i) + j), counter));
                }
            }

            using var stop = new CancellationTokenSource();
            var typing = Task.WhenAll(
                typists.Select(typist => Task.Run(() => typist.TypeAsync(stop.Token, cancellation), cancellation)));
            var random = new Random(seed);
            for (var kill = 1; kill <= Kills; kill++)
            {
                await OrFailureOfAsync(typing, counter.AfterAsync(random.Next(1, 400), server.Kill));
                Assert.Equal(137, await server.WaitForExitAsync(cancellation));
                var port = server.Address.Port;
                await server.DisposeAsync();
                server = await StartAsync(data.Path, port, cancellation);
            }

            await OrFailureOfAsync(typing, counter.AfterAsync(200, stop.Cancel));
            await typing;

            var contents = await ReadServerAsync(server, cancellation);
            foreach (var document in open)
            {
                await ReachAsync(document, contents[document.Id].Version, cancellation);
                AssertSame(contents[document.Id].Content, document.Content, $"a client's '{document.Id}', seed {seed}");
            }

            server.Kill();
            await server.WaitForExitAsync(cancellation);
            await CheckLogAsync(data.Path, typists, contents, seed, cancellation);
            var address = server.Address;
            await server.DisposeAsync();
            server = await StartAsync(data.Path, address.Port, cancellation);
            await CheckColdAsync(server, contents, seed, cancellation);
            server.Terminate();
            Assert.Equal(0, await server.WaitForExitAsync(cancellation));
        }
        finally
        {
            foreach (var client in clients)
                client.Dispose();
            await server.DisposeAsync();
        }
    }

    // Snapshots are made and history is packed often, so that kills meet them too.
    private static Task<ServerProcess> StartAsync(string data, int port, CancellationToken cancellation) =>
        ServerProcess.StartAsync(
            data, port, cancellation, ("CloudSync__SnapshotOperations", "40"), ("CloudSync__HistoryTailOperations", "30"),
            ("CloudSync__HistoryPackOperations", "20"));

    private static CloudSyncClient NewClient(ServerProcess server, int seed) => new(
        server.Endpoint,
        new CloudSyncClientOptions
        {
            BackoffStep = TimeSpan.FromMilliseconds(20),
            BackoffMax = TimeSpan.FromMilliseconds(500),
            Random = new Random(seed),
        });

    private static async Task CreateDocumentsAsync(ServerProcess server, CancellationToken cancellation)
    {
        using var http = new HttpClient { BaseAddress = server.Address };
        foreach (var (id, type, _) in Documents)
        {
            using var response = await http.PostAsJsonAsync("/api/documents", new { id, type, title = id }, cancellation);
            response.EnsureSuccessStatusCode();
        }
    }

    /// <summary>Typing never ends before it is stopped, unless it fails.</summary>
    private static async Task OrFailureOfAsync(Task typing, Task awaited)
    {
        if (await Task.WhenAny(typing, awaited) == typing)
            await typing;
        await awaited;
    }

    private static async Task<Dictionary<string, (long Version, Delta Content)>> ReadServerAsync(
        ServerProcess server, CancellationToken cancellation)
    {
        using var http = new HttpClient { BaseAddress = server.Address };
        var contents = new Dictionary<string, (long, Delta)>();
        foreach (var (id, _, _) in Documents)
        {
            var snapshot = await http.GetFromJsonAsync<JsonObject>($"/api/documents/{id}/snapshot", cancellation);
            contents[id] = ((long)snapshot!["version"]!, Delta.ParseJson(snapshot["content"]!.ToJsonString()));
        }

        return contents;
    }

    /// <summary>Waits for what others wrote: this client's own operations have all been acknowledged.</summary>
    private static async Task ReachAsync(CollaborativeDocument document, long version, CancellationToken cancellation)
    {
        var reached = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        void Look(DocumentChange? change)
        {
            if (document.Version >= version)
                reached.TrySetResult();
        }

        document.Changed += Look;
        Look(null);
        await reached.Task.WaitAsync(cancellation);
        document.Changed -= Look;
        Assert.Equal(version, document.Version);
    }

    private static async Task CheckLogAsync(
        string data, List<Typist> typists, Dictionary<string, (long Version, Delta Content)> contents, int seed,
        CancellationToken cancellation)
    {
        await using var services = new ServiceCollection()
            .AddSqliteLog(options => options.Path = Path.Combine(data, "cloudsync.db"))
            .BuildServiceProvider();
        var log = services.GetRequiredService<IOperationLog>();
        foreach (var (id, type, habit) in Documents)
        {
            var operations = await log.ReadAsync(id, 0, 100_000, int.MaxValue, cancellation);
            Assert.Equal(contents[id].Version, (await log.FindAsync(id, cancellation))!.Head);
            Assert.Equal(Enumerable.Range(1, operations.Count).Select(i => (long)i), operations.Select(o => o.Version));
            Assert.Equal(contents[id].Version, operations.Count);

            var ofDocument = typists.Where(typist => typist.DocumentId == id).ToArray();
            var byClient = operations.ToLookup(operation => operation.ClientId, operation => operation.ClientSequence);
            Assert.Equal(ofDocument.Select(typist => typist.ClientId).Order(), byClient.Select(own => own.Key).Order());
            foreach (var typist in ofDocument)
            {
                // Each acknowledged operation once, in the order of its client, and nothing besides.
                Assert.True(typist.Acknowledged > 0, $"A client wrote nothing into '{id}' (seed {seed}).");
                Assert.Equal(0, typist.RefusedEdits);
                Assert.Equal(
                    Enumerable.Range(1, (int)typist.Acknowledged).Select(i => (ulong)i), byClient[typist.ClientId]);
            }

            var state = DocumentType.Find(type)!.CreateEmpty();
            foreach (var operation in operations)
                state.Apply(operation.Bytes.Span);
            AssertSame(contents[id].Content, Delta.FromState(state), $"the fold of '{id}', seed {seed}");

            // Where nobody deletes, every character that was typed is there once.
            if (habit == Habit.UniqueCharacters)
            {
                Assert.Equal(
                    ofDocument.SelectMany(typist => typist.Typed).Order(),
                    contents[id].Content.ToPlainText().Order());
            }
        }
    }

    /// <summary>Somebody who comes later finds the same.</summary>
    private static async Task CheckColdAsync(
        ServerProcess server, Dictionary<string, (long Version, Delta Content)> contents, int seed,
        CancellationToken cancellation)
    {
        using var client = NewClient(server, seed - 1);
        foreach (var (id, (version, content)) in contents)
        {
            var document = await client.OpenAsync(id, cancellation);
            await ReachAsync(document, version, cancellation);
            AssertSame(content, document.Content, $"a new client's '{id}', seed {seed}");
        }
    }

    private static void AssertSame(Delta expected, Delta actual, string what) =>
        Assert.True(expected.Equals(actual), $"Different: {what}.\n{expected.ToJson()}\n{actual.ToJson()}");
}
