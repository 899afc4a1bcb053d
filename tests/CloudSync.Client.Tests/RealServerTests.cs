// The client against the real server, over real sockets, in each way there is to connect.

using System.Security.Claims;
using CloudSync.Operations;
using CloudSync.Protocol.V1;
using Xunit;

namespace CloudSync.Client.Tests;

public sealed class RealServerOverWebSocketsTests() : RealServerTests(TransportKind.WebSocket);

public sealed class RealServerOverServerSentEventsTests() : RealServerTests(TransportKind.ServerSentEvents);

public sealed class RealServerOverPollingTests() : RealServerTests(TransportKind.Polling);

public abstract class RealServerTests(TransportKind transport) : WithRealServer("rich-text")
{
    [Fact]
    public async Task Two_people_write_at_once_and_see_the_same()
    {
        var (a, b) = (await OpenAsync(), await OpenAsync());
        Assert.Equal("A title", a.Title);

        await Task.WhenAll(TypeAsync(a, "abc", 200), TypeAsync(b, "xyz", 200));
        await ReachAsync(a, b);

        Assert.Equal(a.Content, b.Content);
        Assert.Equal(400, a.Length);
        Assert.Equal(0, a.Divergences + b.Divergences);
        var stored = await Server.Documents.ReadAsync("doc", null, TestContext.Current.CancellationToken);
        Assert.Equal(a.Content, Delta.FromState(stored.State));
    }

    [Fact]
    public async Task Edits_in_the_files_of_a_client_that_ended_are_committed_once_by_the_next()
    {
        var folder = Directory.CreateTempSubdirectory("cloudsync-outbox-tests-");
        try
        {
            async Task LiveAsync(string text, Func<CollaborativeDocument, Task> until)
            {
                using FileClientOutbox outbox = new(folder.FullName);
                Assert.Throws<OutboxInUseException>(() => new FileClientOutbox(folder.FullName));
                using CloudSyncClient client = new(Server.Endpoint, new() { Outbox = outbox, Transport = transport });
                var document = await client.OpenAsync("doc", TestContext.Current.CancellationToken);
                document.Submit(Delta.Build().Insert(text).ToDelta());
                await until(document).Soon();
            }

            await LiveAsync("1", static document => document.WhenSavedAsync());
            // Sent or not, acknowledged or not: it ends when the edit is in the files.
            await LiveAsync("2", static document => document.WhenKeptAsync());
            await Server.StopAsync();
            await LiveAsync("3", static document => document.WhenKeptAsync());
            await LiveAsync("4", static document => document.WhenKeptAsync());
            await Server.StartAsync();
            await LiveAsync("5", static document => document.WhenSavedAsync());
            var stored = await Server.Documents.ReadAsync("doc", null, TestContext.Current.CancellationToken);
            Assert.Equal("54321", Delta.FromState(stored.State).ToPlainText());
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [Fact]
    public async Task Two_people_edit_a_JSON_document_at_once_the_server_is_restarted_in_between_and_nothing_is_lost()
    {
        await CreateAsync("board", "json", """{"n":0,"list":[],"text":""}"""u8.ToArray());
        var (a, b) = (await OpenAsync(id: "board"), await OpenAsync(id: "board"));

        Task EditAsync(CollaborativeDocument document, string name) => Task.Run(async () =>
        {
            for (var i = 0; i < 100; i++)
            {
                document.EditJson(edit => edit
                    .Add(["n"], 1).Insert(["list", 0], name + i).EditText(["text"], 0, 0, name));
                if (i % 10 == 0)
                    await document.WhenSavedAsync();
            }

            await document.WhenSavedAsync();
        });

        var editing = Task.WhenAll(EditAsync(a, "a"), EditAsync(b, "b"));
        await UntilVersion(a, 10).Soon();
        await Server.StopAsync();
        await Server.StartAsync();
        await editing.Soon();
        await ReachAsync(a, b);

        var content = a.ReadJson()!;
        Assert.Equal(content.ToJsonString(), b.ReadJson()!.ToJsonString());
        Assert.Equal(200, (int?)content["n"]);
        Assert.Equal(200, content["list"]!.AsArray().Select(item => (string?)item).Distinct().Count());
        Assert.Equal(200, ((string?)content["text"])!.Length);
        var stored = await Server.Documents.ReadAsync("board", null, TestContext.Current.CancellationToken);
        Assert.True(System.Text.Json.Nodes.JsonNode.DeepEquals(
            content, System.Text.Json.Nodes.JsonNode.Parse(stored.ToJson())));

        while (a.Undo())
        {
        }

        await a.WhenSavedAsync().Soon();
        await ReachAsync(a, b);
        Assert.Equal(a.ReadJson()!.ToJsonString(), b.ReadJson()!.ToJsonString());
    }

    [Fact]
    public async Task Edits_made_while_the_server_is_down_arrive_when_it_is_back()
    {
        var (a, b) = (await OpenAsync(), await OpenAsync());
        await a.SubmitAsync(Delta.FromPlainText("before "));
        await ReachAsync(a, b);

        var offline = new[] { Until(a, SyncStateKind.Offline), Until(b, SyncStateKind.Offline) };
        await Server.StopAsync();
        await Task.WhenAll(offline).Soon();
        a.Submit(Delta.Build().Retain(7).Insert("a").ToDelta());
        b.Submit(Delta.Build().Insert("b").ToDelta());
        Assert.Equal(1, a.State.Unsaved);

        await Server.StartAsync();
        await Task.WhenAll(a.WhenSavedAsync(), b.WhenSavedAsync()).Soon();
        await ReachAsync(a, b);

        Assert.Equal("bbefore a", a.ToPlainText());
        Assert.Equal(a.Content, b.Content);
        Assert.Equal(3, a.Version);
    }

    [Fact]
    public async Task An_operation_whose_acknowledgement_was_cut_off_is_not_applied_again()
    {
        var cutting = new CuttingTransports(transport);
        var a = await OpenAsync(cutting.Next);
        var b = await OpenAsync();
        for (var i = 0; i < 20; i++)
        {
            // The server commits it, which b sees; but a's connection is gone before it hears so.
            cutting.DropWhatComes();
            a.Submit(Delta.Build().Insert($"{i % 10}").ToDelta());
            await UntilVersion(b, i + 1).Soon();
            cutting.Cut();
            await a.WhenSavedAsync().Soon();
        }

        await ReachAsync(a, b);
        Assert.Equal(20, a.Version);
        Assert.Equal("98765432109876543210", a.ToPlainText());
        Assert.Equal(a.Content, b.Content);
    }

    [Fact]
    public async Task A_token_is_refreshed_over_a_real_socket_without_reconnecting()
    {
        var cancellation = TestContext.Current.CancellationToken;
        await using RealServer server = new() { Authenticator = new UserIds() };
        await server.StartAsync();
        await server.Documents.CreateAsync("doc", "text", "A title", "", ReadOnlyMemory<byte>.Empty, cancellation);
        using CloudSyncClient client = new(server.Endpoint, new() { Token = "ada 1", Transport = transport });
        List<SyncStateKind> states = [];
        client.StateChanged += state => states.Add(state.Kind);
        var document = await client.OpenAsync("doc", cancellation);
        document.Submit(Delta.FromPlainText("a"));
        await client.RenewTokenAsync("ada 2", cancellation).Soon();
        document.Submit(Delta.FromPlainText("b"));
        foreach (var (token, code) in new[] { ("bob 1", ErrorCode.TokenOfAnotherUser), ("", ErrorCode.TokenInvalid) })
        {
            var refused = await Assert.ThrowsAsync<RefusedException>(() => client.RenewTokenAsync(token, cancellation).Soon());
            Assert.Equal(code, refused.Refusal.Code);
        }

        document.Submit(Delta.FromPlainText("c"));
        await document.WhenSavedAsync().Soon();
        Assert.Equal("cba", document.ToPlainText());
        Assert.Equal([SyncStateKind.Live], states.Where(state => state is not SyncStateKind.Connecting).Distinct());
        Assert.All(
            await server.Documents.ReadOperationsAsync("doc", 0, 100, cancellation),
            operation => Assert.Equal("ada", operation.Author));
    }

    // A token is the user's id and a number.
    private sealed class UserIds : ICloudSyncAuthenticator
    {
        public ValueTask<ClaimsPrincipal?> AuthenticateAsync(string token, CancellationToken cancellationToken) =>
            ValueTask.FromResult<ClaimsPrincipal?>(token.Split(' ') is [var id, _]
                ? new(new ClaimsIdentity(
                    [new("sub", id), new("exp", $"{DateTimeOffset.UtcNow.AddHours(1).ToUnixTimeSeconds()}")], "test"))
                : null);
    }

    [Fact]
    public async Task A_document_that_does_not_exist_is_refused()
    {
        var refused = await Assert.ThrowsAsync<RefusedException>(() => OpenAsync(id: "missing"));
        Assert.Equal(Protocol.V1.ErrorCode.DocumentNotFound, refused.Refusal.Code);
    }

    [Fact]
    public async Task A_document_larger_than_a_client_takes_is_refused_by_name_and_not_asked_for_again_and_again()
    {
        var a = await OpenAsync();
        await a.SubmitAsync(Delta.FromPlainText(new string('x', 200_000))).Soon();
        var refused = await Assert.ThrowsAsync<RefusedException>(
            () => OpenWithAsync(new() { MaxFrameBytes = 100_000, Transport = transport }));
        Assert.Equal("MaxFrameBytes", refused.Refusal.Limit);
        Assert.Equal(100_000UL, refused.Refusal.LimitValue);
        Assert.Equal(SyncStateKind.Refused, Clients[^1].State.Kind);
    }

    [Fact]
    public async Task A_deleted_document_is_refused_from_then_on()
    {
        var a = await OpenAsync();
        var refused = Until(a, SyncStateKind.Refused);
        await Server.Documents.DeleteAsync("doc", TestContext.Current.CancellationToken);
        await refused.Soon();
        Assert.Equal(Protocol.V1.ErrorCode.DocumentNotFound, a.State.Reason!.Code);
    }

    [Fact]
    public async Task Others_see_who_is_there_and_where_and_that_they_left()
    {
        var (a, b) = (await OpenAsync(name: "Ada"), await OpenAsync(name: "Ben"));
        await a.SubmitAsync(Delta.FromPlainText("Hello"));
        await ReachAsync(a, b);

        a.SetSelection(new(1, 4));
        await UntilPresence(b, others => others is [{ User.Name: "Ada", Selection: { Anchor: 1, Focus: 4 } }]);
        await b.SubmitAsync(Delta.FromPlainText("Oh. "));
        Assert.Equal(new Selection(5, 8), b.Presence[0].Selection);

        await UntilPresence(a, others => others is [{ User.Name: "Ben" }]);
        Clients[0].Dispose();
        await UntilPresence(b, others => others is []);
    }

    private static async Task TypeAsync(CollaborativeDocument document, string letters, int count)
    {
        for (var i = 0; i < count; i++)
        {
            document.Edit(() => Delta.Build().Retain(i * 7 % (document.Length + 1)).Insert($"{letters[i % 3]}").ToDelta());
            if (i % 5 == 0)
                await document.WhenSavedAsync().Soon();
        }
    }

    // Both have saved everything and have everything.
    private static async Task ReachAsync(CollaborativeDocument a, CollaborativeDocument b)
    {
        await Task.WhenAll(a.WhenSavedAsync(), b.WhenSavedAsync()).Soon();
        var version = Math.Max(a.Version, b.Version);
        await Task.WhenAll(UntilVersion(a, version), UntilVersion(b, version)).Soon();
    }

    private static Task UntilVersion(CollaborativeDocument document, long version) => Until(
        () => document.Version >= version, handler => document.Changed += _ => handler());

    private static Task Until(CollaborativeDocument document, SyncStateKind kind) => Until(
        () => document.State.Kind == kind, handler => document.StateChanged += _ => handler());

    private static Task UntilPresence(CollaborativeDocument document, Func<IReadOnlyList<PresenceEntry>, bool> holds) =>
        Until(() => holds(document.Presence), handler => document.PresenceChanged += handler).Soon();

    private static Task Until(Func<bool> holds, Action<Action> subscribe)
    {
        var reached = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        void Check()
        {
            if (holds())
                reached.TrySetResult();
        }

        subscribe(Check);
        Check();
        return reached.Task;
    }

    private Task<CollaborativeDocument> OpenAsync(
        Func<Uri, ClientTransport>? transports = null, string id = "doc", string name = "") => OpenWithAsync(
            new()
            {
                BackoffStep = TimeSpan.FromMilliseconds(20), BackoffMax = TimeSpan.FromMilliseconds(200),
                Transport = transport, TransportFactory = transports, User = new("", name, ""),
            },
            id: id);

    // Transports whose client can be made deaf, and then cut off.
    private sealed class CuttingTransports(TransportKind transport)
    {
        private Cutting? _newest;

        public ClientTransport Next(Uri endpoint) => _newest = new(transport switch
        {
            TransportKind.WebSocket => new WebSocketTransport(endpoint, 1 << 20),
            TransportKind.Polling => new PolledTransport(endpoint, 1 << 20, PollKinds.Single, TimeProvider.System, Random.Shared),
            _ => new PolledTransport(endpoint, 1 << 20, PollKinds.Streams, TimeProvider.System, Random.Shared),
        });

        public void DropWhatComes() => _newest!.Deaf = true;

        public void Cut() => _newest!.Cut();

        private sealed class Cutting(ClientTransport inner) : ClientTransport, ITransportListener
        {
            private ITransportListener? _listener;

            public volatile bool Deaf;

            public override void Start(ITransportListener listener)
            {
                _listener = listener;
                inner.Start(this);
            }

            public override ValueTask SendAsync(ReadOnlyMemory<byte> frame) => inner.SendAsync(frame);

            public override void Close() => inner.Close();

            public void Cut() => _listener!.Closed(new("cut"));

            public void Connected() => _listener!.Connected();

            public void Received(ReadOnlyMemory<byte> frame)
            {
                if (!Deaf)
                    _listener!.Received(frame);
            }

            public void Closed(TransportClosure closure) => _listener!.Closed(closure);
        }
    }
}

internal static class Patience
{
    // No more than a guard against waiting for ever.
    private static readonly TimeSpan _limit = TimeSpan.FromSeconds(60);

    public static Task Soon(this Task task) => task.WaitAsync(_limit, TestContext.Current.CancellationToken);

    public static Task<T> Soon<T>(this Task<T> task) => task.WaitAsync(_limit, TestContext.Current.CancellationToken);
}
