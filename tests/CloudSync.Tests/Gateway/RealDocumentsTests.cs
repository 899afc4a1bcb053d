// The whole server side over a real socket: the gateway, the real documents, SQLite in a temporary file. And the worked
// example of docs/protocol.md, byte by byte.

using System.Text.RegularExpressions;
using CloudSync.Documents;
using CloudSync.Protocol.V1;
using Google.Protobuf;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace CloudSync.Tests.Gateway;

public sealed partial class RealDocumentsTests
{
    private static readonly byte[] InsertHi = [0x12, 0x48, 0x69];

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_worked_example_of_the_protocol_page_is_what_happens()
    {
        using var directory = new TemporaryDirectory();
        await using var host = await StartAsync(directory);
        await CreateAsync(host, "notes", "Notes");
        await using var client = await host.ConnectAsync();
        var example = await ReadExampleAsync();
        Assert.Equal(["client", "server", "client", "server"], example.Select(frame => frame.From));

        await client.SendBytesAsync(example[0].Bytes);
        Assert.NotNull((await client.ReceiveAsync()).Welcome);
        Assert.Equal(ServerFrame.Parser.ParseFrom(example[1].Bytes).Messages[0], await client.ReceiveAsync());
        await client.SendBytesAsync(example[2].Bytes);
        var committed = await client.ReceiveAsync(ServerMessage.BodyOneofCase.Committed);
        Assert.Equal(
            Convert.ToHexString(example[3].Bytes),
            Convert.ToHexString(new ServerFrame { Messages = { committed } }.ToByteArray()));
    }

    [Fact]
    public async Task Two_clients_hear_each_other_and_a_resent_operation_is_acknowledged_and_not_applied_twice()
    {
        using var directory = new TemporaryDirectory();
        await using var host = await StartAsync(directory);
        await CreateAsync(host, "doc", "");
        await using var first = await host.GreetAsync(1);
        await using var second = await host.GreetAsync(2);
        foreach (var client in new[] { first, second })
        {
            await client.SendAsync(Messages.Open("doc"));
            await client.ReceiveAsync(ServerMessage.BodyOneofCase.Opened);
        }

        await first.SendAsync(Messages.Submit("doc", 0, 1, InsertHi));
        foreach (var client in new[] { first, second })
        {
            var committed = (await client.ReceiveAsync(ServerMessage.BodyOneofCase.Committed)).Committed;
            Assert.Equal(
                (0ul, 1ul, 1ul),
                (committed.BaseVersion, committed.Operations[0].ClientId, committed.Operations[0].ClientSeq));
        }

        // The connection is lost; the client, which has not seen it, sends it again.
        await first.DisposeAsync();
        await using var again = await host.GreetAsync(1);
        await again.SendAsync(Messages.Open("doc", fromVersion: 0), Messages.Submit("doc", 0, 1, InsertHi));
        Assert.Equal(1ul, (await again.ReceiveAsync(ServerMessage.BodyOneofCase.Opened)).Opened.Head);
        Assert.Single((await again.ReceiveAsync(ServerMessage.BodyOneofCase.Committed)).Committed.Operations);
        var ack = (await again.ReceiveAsync(ServerMessage.BodyOneofCase.Ack)).Ack;
        Assert.Equal((1ul, 1ul), (ack.ClientSeq, ack.Version));
        var documents = host.App.Services.GetRequiredService<DocumentService>();
        Assert.Equal(1, (await documents.GetAsync("doc", Cancellation)).Head);
    }

    [Theory]
    [InlineData("past the end", new byte[] { 0x28, 0x12, 0x48, 0x69 }, ErrorCode.OperationOutOfRange)]
    [InlineData("not an operation", new byte[] { 0xFF, 0xFF }, ErrorCode.OperationMalformed)]
    [InlineData("not UTF-8", new byte[] { 0x0A, 0xFF }, ErrorCode.OperationMalformed)]
    [InlineData("an embed in plain text", new byte[] { 0x03, 0x07, 0x7B, 0x22, 0x61, 0x22, 0x3A, 0x31, 0x7D }, ErrorCode.OperationNotAllowedByType)]
    public async Task An_operation_that_is_no_good_is_named_and_changes_nothing(string what, byte[] operation, ErrorCode code)
    {
        Assert.NotEmpty(what);
        using var directory = new TemporaryDirectory();
        await using var host = await StartAsync(directory);
        await CreateAsync(host, "doc", "");
        await using var client = await host.GreetAsync();
        await client.SendAsync(Messages.Open("doc"), Messages.Submit("doc", 0, 1, operation));
        var error = (await client.ReceiveAsync(ServerMessage.BodyOneofCase.Error)).Error;
        Assert.Equal((code, "doc", 1ul, Retry.Never), (error.Code, error.DocumentId, error.ClientSeq, error.Retry));
        // The next one, under the same number, is the first that counts.
        await client.SendAsync(Messages.Submit("doc", 0, 1, InsertHi));
        Assert.Equal(
            InsertHi,
            (await client.ReceiveAsync(ServerMessage.BodyOneofCase.Committed)).Committed.Operations[0].Operation.ToByteArray());
    }

    [Fact]
    public async Task What_else_can_be_wrong_with_a_submit_is_named()
    {
        using var directory = new TemporaryDirectory();
        await using var host = await StartAsync(directory, options =>
        {
            options.Limits.OperationBytes = 1_000;
            options.Limits.DocumentLength = 20;
        });
        await CreateAsync(host, "doc", "");
        await using var client = await host.GreetAsync();
        await client.SendAsync(Messages.Open("doc"));
        await client.ReceiveAsync(ServerMessage.BodyOneofCase.Opened);
        var expected = new (ClientMessage Message, ErrorCode Code)[]
        {
            (Messages.Submit("doc", 99, 1, InsertHi), ErrorCode.VersionUnknown),
            (Messages.Submit("doc", 0, 0, InsertHi), ErrorCode.SequenceOutOfOrder),
            (Messages.Submit("doc", 0, 1, new byte[1_001]), ErrorCode.OperationTooLarge),
            (Messages.Submit("doc", 0, 1, [0xAA, 0x01, .. "aaaaaaaaaaaaaaaaaaaaa"u8]), ErrorCode.DocumentTooLarge),
        };
        foreach (var (message, code) in expected)
        {
            await client.SendAsync(message);
            Assert.Equal(code, (await client.ReceiveAsync(ServerMessage.BodyOneofCase.Error)).Error.Code);
        }

        await client.SendAsync(Messages.Open("none"));
        var none = (await client.ReceiveAsync(ServerMessage.BodyOneofCase.Error)).Error;
        Assert.Equal((ErrorCode.DocumentNotFound, Retry.Never), (none.Code, none.Retry));
    }

    [Fact]
    public async Task A_stop_commits_what_was_submitted_and_tells_its_author()
    {
        using var directory = new TemporaryDirectory();
        await using (var host = await StartAsync(directory))
        {
            await CreateAsync(host, "doc", "");
            await using var client = await host.GreetAsync();
            await client.SendAsync(Messages.Open("doc"), Messages.Submit("doc", 0, 1, InsertHi));
            await client.ReceiveAsync(ServerMessage.BodyOneofCase.Committed);
            var stopping = host.App.StopAsync(Cancellation);
            await client.ReceiveAsync(ServerMessage.BodyOneofCase.GoingAway);
            Assert.Equal(4000, await client.ReceiveCloseAsync());
            await client.CloseAsync();
            await stopping;
        }

        await using var next = await StartAsync(directory);
        await using var back = await next.GreetAsync();
        await back.SendAsync(Messages.Open("doc"));
        Assert.Equal(
            InsertHi, (await back.ReceiveAsync(ServerMessage.BodyOneofCase.Opened)).Opened.Snapshot.ToByteArray());
    }

    private static Task<GatewayHost> StartAsync(TemporaryDirectory directory, Action<CloudSyncOptions>? configure = null) =>
        GatewayHost.StartAsync(
            configure, services: builder => builder.UseSqlite(Path.Combine(directory.Path, "log.db")), documents: false);

    private static async Task CreateAsync(GatewayHost host, string id, string title) =>
        await host.App.Services.GetRequiredService<DocumentService>().CreateAsync(
            id, "text", title, "", ReadOnlyMemory<byte>.Empty, Cancellation);

    // The blocks of the page that begin with "client" or "server"; what stands behind two blanks in a line explains it.
    private static async Task<List<(string From, byte[] Bytes)>> ReadExampleAsync()
    {
        var page = await File.ReadAllTextAsync(Page.Find("docs/protocol.md"), Cancellation);
        return [.. Block().Matches(page).Select(block => (
            block.Groups["from"].Value,
            Convert.FromHexString(string.Concat(block.Groups["hex"].Value
                .Split('\n').Select(line => line.Split("  ", 2)[0].Replace(" ", "", StringComparison.Ordinal))))))];
    }

    [GeneratedRegex("^```\n(?<from>client|server)\n(?<hex>.*?)\n```", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex Block();
}
