// JSON documents over a real socket: the gateway, the real documents, SQLite in a temporary file.

using System.Text;
using CloudSync.Documents;
using CloudSync.Operations;
using CloudSync.Protocol.V1;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace CloudSync.Tests.Gateway;

public sealed class JsonDocumentsTests : IAsyncLifetime
{
    private readonly TemporaryDirectory _directory = new();
    private GatewayHost _host = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private DocumentService Documents => _host.App.Services.GetRequiredService<DocumentService>();

    public async ValueTask InitializeAsync() => _host = await StartAsync();

    public async ValueTask DisposeAsync()
    {
        await _host.DisposeAsync();
        _directory.Dispose();
    }

    [Fact]
    public async Task An_empty_document_is_null_and_one_with_content_is_at_version_1_without_white_space()
    {
        await CreateAsync("empty", "");
        await CreateAsync("full", """ { "list": [1, 2.50], "text": "\u00e9" } """);
        await using var client = await _host.GreetAsync();
        Assert.Equal((0ul, "json", "null"), await OpenAsync(client, "empty"));
        Assert.Equal((1ul, "json", """{"list":[1,2.5],"text":"é"}"""), await OpenAsync(client, "full"));
    }

    [Fact]
    public async Task Two_clients_hear_each_other_and_a_resent_operation_is_acknowledged_and_not_applied_twice()
    {
        await CreateAsync("d", """{"n":1}""");
        await using var first = await _host.GreetAsync(1);
        await using var second = await _host.GreetAsync(2);
        await OpenAsync(first, "d");
        await OpenAsync(second, "d");
        const string add = """[{"p":["n"],"na":2}]""";
        await first.SendAsync(Submit(1, 1, add));
        foreach (var client in new[] { first, second })
            Assert.Equal(add, await CommittedAsync(client));

        await first.DisposeAsync();
        await using var again = await _host.GreetAsync(1);
        await again.SendAsync(Messages.Open("d", fromVersion: 1), Submit(1, 1, add));
        Assert.Equal(add, await CommittedAsync(again));
        Assert.Equal(2ul, (await again.ReceiveAsync(ServerMessage.BodyOneofCase.Ack)).Ack.Version);
        Assert.Equal("""{"n":3}""", (await Documents.ReadAsync("d", null, Cancellation)).ToJson());
    }

    [Theory]
    [InlineData("""[{"p":["k"],"od":0,"oi":1}]""", """[{"p":["k"],"od":0,"oi":2}]""", "[]", """{"k":1,"list":["x"],"text":"ab"}""")]
    [InlineData(
        """[{"p":["list",0],"li":1}]""", """[{"p":["list",0],"li":2}]""", """[{"p":["list",1],"li":2}]""",
        """{"k":0,"list":[1,2,"x"],"text":"ab"}""")]
    [InlineData(
        """[{"p":["text",1],"si":"1"}]""", """[{"p":["text",1],"si":"2"}]""", """[{"p":["text",2],"si":"2"}]""",
        """{"k":0,"list":["x"],"text":"a12b"}""")]
    public async Task Of_two_operations_in_one_place_the_one_committed_first_has_priority(
        string first, string second, string transformed, string content)
    {
        await CreateAsync("d", """{"k":0,"list":["x"],"text":"ab"}""");
        await using var one = await _host.GreetAsync(1);
        await using var two = await _host.GreetAsync(2);
        await OpenAsync(one, "d");
        await OpenAsync(two, "d");
        await one.SendAsync(Submit(1, 1, first));
        Assert.Equal(first, await CommittedAsync(two));
        await two.SendAsync(Submit(1, 1, second));
        Assert.Equal(transformed, await CommittedAsync(two));
        Assert.Equal(content, (await Documents.ReadAsync("d", null, Cancellation)).ToJson());
    }

    [Theory]
    [InlineData("""{"p":[]}""", ErrorCode.OperationMalformed, "")]
    [InlineData("""[{"p":["n"],"oi":"\ud800"}]""", ErrorCode.OperationMalformed, "")]
    [InlineData("""[{"p":["none","deeper"],"oi":1}]""", ErrorCode.OperationDoesNotFit, "")]
    [InlineData("""[{"p":["n"],"si":"a"}]""", ErrorCode.OperationMalformed, "")]
    [InlineData("deep", ErrorCode.OperationTooDeep, nameof(JsonLimits.MaxDepth))]
    [InlineData("many", ErrorCode.OperationTooManyComponents, nameof(JsonLimits.MaxComponents))]
    [InlineData("large", ErrorCode.DocumentTooLarge, nameof(CloudSyncLimits.DocumentBytes))]
    public async Task An_operation_that_is_no_good_is_named_and_changes_nothing(string what, ErrorCode code, string limit)
    {
        await CreateAsync("d", """{"n":1}""");
        await using var client = await _host.GreetAsync();
        await OpenAsync(client, "d");
        await client.SendAsync(Submit(1, 1, what switch
        {
            "deep" => $$"""[{"p":["a"],"oi":{{new string('[', 128)}}{{new string(']', 128)}}}]""",
            "many" => $"[{string.Join(',', Enumerable.Repeat("""{"p":["n"],"na":1}""", 10_001))}]",
            "large" => $$"""[{"p":["a"],"oi":"{{new string('x', 400_000)}}"}]""",
            _ => what,
        }));
        var error = (await client.ReceiveAsync(ServerMessage.BodyOneofCase.Error)).Error;
        Assert.Equal((code, Retry.Never, limit), (error.Code, error.Retry, error.Limit));
        const string good = """[{"p":["n"],"na":1}]""";
        await client.SendAsync(Submit(1, 1, good));
        Assert.Equal(good, await CommittedAsync(client));
        Assert.Equal("""{"n":2}""", (await Documents.ReadAsync("d", null, Cancellation)).ToJson());
    }

    [Theory, InlineData(600), InlineData(3_000)]
    public async Task A_client_that_was_away_for_long_catches_up_and_its_operation_finds_its_place(int missed)
    {
        await CreateAsync("d", """{"list":[],"n":0}""");
        await EditAsync(missed, i => i % 2 == 0 ? """[{"p":["list",0],"li":7}]""" : """[{"p":["n"],"na":1}]""");
        await using var client = await _host.GreetAsync(1);
        await client.SendAsync(Messages.Open("d", fromVersion: 1), Submit(1, 1, """[{"p":["list",0],"li":"mine"}]"""));
        var state = DocumentType.Json.DecodeSnapshot("""{"list":[],"n":0}"""u8);
        for (var version = 1L; version < missed + 2;)
        {
            foreach (var operation in (await client.ReceiveAsync(ServerMessage.BodyOneofCase.Committed)).Committed.Operations)
            {
                state.Apply(operation.Operation.Span);
                version += Math.Max(1, (long)operation.Count);
            }
        }

        var content = new System.Buffers.ArrayBufferWriter<byte>();
        state.EncodeSnapshot(content);
        var expected = $$"""{"list":[{{string.Concat(Enumerable.Repeat("7,", missed / 2))}}"mine"],"n":{{missed / 2}}}""";
        Assert.Equal(expected, Encoding.UTF8.GetString(content.WrittenSpan));
        Assert.Equal(expected, (await Documents.ReadAsync("d", null, Cancellation)).ToJson());
    }

    [Fact]
    public async Task What_was_missed_is_composed_into_operations_that_a_client_takes()
    {
        await CreateAsync("d", """{"n":0}""");
        await EditAsync(4_000, i => $$"""[{"p":["n"],"na":1},{"p":["m{{i}}"],"oi":0},{"p":["m{{i}}"],"od":0,"oi":1}]""");
        await using var client = await _host.GreetAsync(1);
        await client.SendAsync(Messages.Open("d", fromVersion: 1));
        var state = DocumentType.Json.DecodeSnapshot("""{"n":0}"""u8);
        var counts = new List<ulong>();
        for (var version = 1L; version < 4_001;)
        {
            foreach (var operation in (await client.ReceiveAsync(ServerMessage.BodyOneofCase.Committed)).Committed.Operations)
            {
                state.Apply(operation.Operation.Span);
                version += Math.Max(1, (long)operation.Count);
                counts.Add(operation.Count);
            }
        }

        Assert.Contains(counts, count => count > 400);
        var content = new System.Buffers.ArrayBufferWriter<byte>();
        state.EncodeSnapshot(content);
        Assert.Equal(
            (await Documents.ReadAsync("d", null, Cancellation)).ToJson(), Encoding.UTF8.GetString(content.WrittenSpan));
    }

    [Fact]
    public async Task An_operation_that_would_be_too_much_work_to_transform_is_refused_and_its_neighbour_goes_on()
    {
        await CreateAsync("d", """{"n":0}""");
        await using var client = await _host.GreetAsync(1);
        await using var neighbour = await _host.GreetAsync(2);
        await OpenAsync(client, "d");
        await OpenAsync(neighbour, "d");
        static string Additions(int count) =>
            $"[{string.Join(',', Enumerable.Range(0, count).Select(i => $$"""{"p":["m{{i}}"],"oi":1}"""))}]";
        await neighbour.SendAsync(Submit(1, 1, Additions(1_001)));
        await neighbour.ReceiveAsync(ServerMessage.BodyOneofCase.Committed);
        await client.SendAsync(Submit(1, 1, Additions(10_000)));
        var error = (await client.ReceiveAsync(ServerMessage.BodyOneofCase.Error)).Error;
        Assert.Equal(
            (ErrorCode.OperationTooMuchWork, Retry.Never, nameof(JsonLimits.MaxPairsOfSubmission), (ulong)JsonLimits.MaxPairsOfSubmission),
            (error.Code, error.Retry, error.Limit, error.LimitValue));
        await neighbour.SendAsync(Submit(2, 2, """[{"p":["n"],"na":1}]"""));
        Assert.NotEmpty(await CommittedAsync(neighbour));
        // From where it is by now, it may.
        await client.SendAsync(Submit(3, 1, """[{"p":["n"],"na":5}]"""));
        await neighbour.ReceiveAsync(ServerMessage.BodyOneofCase.Committed);
        Assert.Contains("\"n\":6", (await Documents.ReadAsync("d", null, Cancellation)).ToJson(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Presence_has_a_state_and_no_selection()
    {
        await CreateAsync("d", "{}");
        await using var one = await _host.GreetAsync(1);
        await using var two = await _host.GreetAsync(2);
        await OpenAsync(one, "d");
        await OpenAsync(two, "d");
        await one.SendAsync(new ClientMessage
        {
            SetPresence = new() { DocumentId = "d", Version = 1, Selection = new(), State = """{"at":["list",3]}""" },
        });
        var error = (await one.ReceiveAsync(ServerMessage.BodyOneofCase.Error)).Error;
        Assert.Equal((ErrorCode.PresenceInvalid, Retry.Never), (error.Code, error.Retry));
        await one.SendAsync(new ClientMessage
        {
            SetPresence = new() { DocumentId = "d", Version = 1, State = """{"at":["list",3]}""" },
        });
        while (true)
        {
            var changed = (await two.ReceiveAsync(ServerMessage.BodyOneofCase.PresenceChanged)).PresenceChanged;
            if (changed.Entries.FirstOrDefault(entry => entry.ClientId == 1) is not { State.Length: > 0 } entry)
                continue;
            Assert.Equal("""{"at":["list",3]}""", entry.State);
            Assert.Null(entry.Selection);
            break;
        }
    }

    [Fact]
    public async Task A_restarted_server_reads_every_version_from_its_log()
    {
        await CreateAsync("d", """{"n":0}""");
        await EditAsync(1_500, _ => """[{"p":["n"],"na":1}]""");
        await _host.DisposeAsync();
        _host = await StartAsync();
        Assert.Equal("""{"n":1500}""", (await Documents.ReadAsync("d", null, Cancellation)).ToJson());
        Assert.Equal("""{"n":1234}""", (await Documents.ReadAsync("d", 1_235, Cancellation)).ToJson());
        Assert.Equal("null", (await Documents.ReadAsync("d", 0, Cancellation)).ToJson());
        await using var client = await _host.GreetAsync();
        Assert.Equal((1_501ul, "json", """{"n":1500}"""), await OpenAsync(client, "d"));
    }

    private Task<GatewayHost> StartAsync() => GatewayHost.StartAsync(
        options => options.Limits.DocumentBytes = 400_000,
        services: builder => builder.UseSqlite(_directory.File("log.db")), documents: false);

    private async Task CreateAsync(string id, string content) =>
        await Documents.CreateAsync(id, "json", "", "", Encoding.UTF8.GetBytes(content), Cancellation);

    // All at once, so that they share batches.
    private async Task EditAsync(int count, Func<int, string> operation) => await Task.WhenAll(Enumerable.Range(0, count).Select(i =>
        Documents.AppendAsync("d", new DocumentEdit(Encoding.UTF8.GetBytes(operation(i))), Cancellation)));

    private static ClientMessage Submit(ulong baseVersion, ulong sequence, string operation) =>
        Messages.Submit("d", baseVersion, sequence, Encoding.UTF8.GetBytes(operation));

    private static async Task<(ulong Version, string Type, string Content)> OpenAsync(WireClient client, string id)
    {
        await client.SendAsync(Messages.Open(id));
        var opened = (await client.ReceiveAsync(ServerMessage.BodyOneofCase.Opened)).Opened;
        return (opened.Version, opened.Type, opened.Snapshot.ToStringUtf8());
    }

    private static async Task<string> CommittedAsync(WireClient client) =>
        Assert.Single((await client.ReceiveAsync(ServerMessage.BodyOneofCase.Committed)).Committed.Operations)
            .Operation.ToStringUtf8();
}
