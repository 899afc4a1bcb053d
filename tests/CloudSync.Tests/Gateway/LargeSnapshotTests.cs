// Whoever joins a large document is sent the snapshot from bytes that all who join share: whole, in one message, and without harm
// to anybody else, on sockets of our own and on ASP.NET Core's.

using System.Net.WebSockets;
using System.Runtime.InteropServices;
using System.Text;
using CloudSync.Documents;
using CloudSync.Gateway;
using CloudSync.Operations;
using CloudSync.Protocol.V1;
using Google.Protobuf;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace CloudSync.Tests.Gateway;

public sealed class LargeSnapshotTests
{
    private const int LargeBytes = 5_000_000;

    // Many times what the sockets and pipes between two ends hold.
    private const int EndlessBytes = 64 << 20;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_large_snapshot_comes_whole_to_all_who_join_and_what_is_typed_meanwhile_follows_it(bool sockets)
    {
        using var directory = new TemporaryDirectory();
        await using var host = await GatewayHost.StartAsync(
            services: services => services.UseSqlite(Path.Combine(directory.Path, "log.db")), documents: false, sockets: sockets);
        await host.App.Services.GetRequiredService<DocumentService>().CreateAsync(
            "large", "text", "A large one", "", ReadOnlyMemory<byte>.Empty, Cancellation);
        await using var writer = await host.GreetAsync(1);
        await writer.SendAsync(Messages.Open("large"));
        await writer.ReceiveAsync(ServerMessage.BodyOneofCase.Opened);
        var text = RandomText(LargeBytes);
        var version = 0ul;
        for (var at = 0; at < text.Length; at += 1_000_000)
            await SubmitAsync(Insert(at, text.AsSpan(at, 1_000_000)));

        var joiners = Enumerable.Range(0, 6).Select(i => JoinAsync((ulong)i + 10)).ToArray();
        var expected = new StringBuilder(text);
        for (var i = 0; i < 20; i++)
        {
            await SubmitAsync(Insert(0, "x"));
            expected.Insert(0, 'x');
        }

        Assert.All(await Task.WhenAll(joiners), joined => Assert.Equal(expected.ToString(), joined));

        async Task SubmitAsync(byte[] operation)
        {
            await writer.SendAsync(Messages.Submit("large", version, version + 1, operation));
            version++;
            Assert.Single((await writer.ReceiveAsync(ServerMessage.BodyOneofCase.Committed)).Committed.Operations);
        }

        async Task<string> JoinAsync(ulong clientId)
        {
            await using var client = await host.GreetAsync(clientId);
            await client.SendAsync(Messages.Open("large"));
            var opened = (await client.ReceiveAsync(ServerMessage.BodyOneofCase.Opened)).Opened;
            Assert.Equal(("large", "text", "A large one"), (opened.DocumentId, opened.Type, opened.Title));
            var state = DocumentType.Text.DecodeSnapshot(opened.Snapshot.Span);
            var last = (ulong)(LargeBytes / 1_000_000) + 20;
            for (var at = opened.Version; at < last;)
            {
                var committed = (await client.ReceiveAsync(ServerMessage.BodyOneofCase.Committed)).Committed;
                Assert.Equal(at, committed.BaseVersion);
                foreach (var operation in committed.Operations)
                {
                    state.Apply(operation.Operation.Span);
                    at += Math.Max(operation.Count, 1);
                }
            }

            var snapshot = new System.Buffers.ArrayBufferWriter<byte>();
            state.EncodeSnapshot(snapshot);
            return Delta.FromBytes(snapshot.WrittenMemory).ToPlainText();
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task The_other_documents_of_the_connection_and_the_rest_of_its_own_come_after_a_shared_snapshot(bool sockets)
    {
        await using var host = await GatewayHost.StartAsync(sockets: sockets);
        await using var client = await host.GreetAsync();
        await client.SendAsync(Messages.Open("small"));
        var small = await host.Documents.NextSessionAsync();
        await client.ReceiveAsync(ServerMessage.BodyOneofCase.Opened);
        var message = Opened("large", LargeBytes);
        host.Documents.SharedOpened = message.ToByteArray();
        await client.SendAsync(Messages.Open("large"));
        var large = await host.Documents.NextSessionAsync();
        large.Commit();
        small.Commit();

        var received = new List<ServerMessage>();
        while (received.Count < 3)
            received.Add(await client.ReceiveAsync());
        Assert.Equal(message.Messages[0], Assert.Single(received, static one => one.Opened is not null));
        var ofLarge = received.Where(static one => (one.Opened?.DocumentId ?? one.Committed.DocumentId) == "large").ToArray();
        Assert.NotNull(ofLarge[0].Opened);
        Assert.NotNull(ofLarge[1].Committed);
        // The bytes are everybody's: nothing of the connection's own may be written into them.
        Assert.True(message.ToByteArray().AsSpan().SequenceEqual(host.Documents.SharedOpened.Span));
        await client.PingAsync();
    }

    [Fact]
    public async Task A_shared_snapshot_is_sent_in_parts_from_where_it_is_and_not_from_a_copy()
    {
        await using var host = await GatewayHost.StartAsync();
        host.Documents.SharedOpened = Opened("large", LargeBytes).ToByteArray();
        Assert.True(MemoryMarshal.TryGetArray(host.Documents.SharedOpened, out var shared));
        var (sent, parts) = (0, 0);
        var whole = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using var socket = new ScriptedSocket();
        socket.Sending = (part, ends) =>
        {
            // Before it comes the Welcome, from a buffer of the connection's own.
            if (!MemoryMarshal.TryGetArray(part, out var array) || array.Array != shared.Array)
                return;
            Assert.Equal(sent, array.Offset);
            Assert.InRange(part.Length, 1, 64 << 10);
            sent += part.Length;
            parts++;
            Assert.Equal(sent == shared.Count, ends);
            if (ends)
                whole.TrySetResult();
        };
        var running = new Connection(
            host.App.Services.GetRequiredService<GatewayEnvironment>(), socket, new HttpRequestLifetimeFeature(), host: null).RunAsync();
        await socket.HandAsync(Messages.Frame(Messages.Hello(), Messages.Open("large")).ToByteArray(), end: true);
        await whole.Task.WaitAsync(TimeSpan.FromSeconds(60), Cancellation);
        Assert.Equal((LargeBytes + (64 << 10)) / (64 << 10), parts);
        socket.Abort();
        await running.WaitAsync(TimeSpan.FromSeconds(60), Cancellation);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Who_joins_and_never_reads_is_dropped_after_the_send_timeout_and_harms_nobody(bool sockets)
    {
        var time = new FakeTimeProvider();
        await using var host = await GatewayHost.StartAsync(time: time, sockets: sockets);
        await using var neighbour = await host.GreetAsync(2);
        await neighbour.SendAsync(Messages.Open("large"));
        var others = await host.Documents.NextSessionAsync();
        await neighbour.ReceiveAsync(ServerMessage.BodyOneofCase.Opened);
        host.Documents.SharedOpened = Opened("large", EndlessBytes).ToByteArray();
        await using var deaf = await host.GreetAsync(1);
        await deaf.SendAsync(Messages.Open("large"));
        var session = await host.Documents.NextSessionAsync();
        // The send stands still once the sockets between are full; the clock may only move when it does.
        for (ulong version = 0; !session.IsDisposed; version++)
        {
            others.Commit();
            Assert.Equal(version, (await neighbour.ReceiveAsync(ServerMessage.BodyOneofCase.Committed)).Committed.BaseVersion);
            await neighbour.PingAsync();
            time.Advance(TimeSpan.FromSeconds(1));
        }

        Assert.True(session.IsLost);
        var lost = await Assert.ThrowsAnyAsync<Exception>(deaf.ReceiveCloseAsync);
        Assert.True(lost is WebSocketException or OperationCanceledException, lost.ToString());
        // And the same snapshot still comes whole to the next.
        await using var next = await host.GreetAsync(3);
        await next.SendAsync(Messages.Open("large"));
        Assert.Equal(EndlessBytes, (await next.ReceiveAsync(ServerMessage.BodyOneofCase.Opened)).Opened.Snapshot.Length);
    }

    private static ServerFrame Opened(string documentId, int snapshotBytes)
    {
        var snapshot = new byte[snapshotBytes];
        new Random(1).NextBytes(snapshot);
        return new ServerFrame
        {
            Messages =
            {
                new ServerMessage
                {
                    Opened = new Opened { DocumentId = documentId, Type = "text", Snapshot = UnsafeByteOperations.UnsafeWrap(snapshot) },
                },
            },
        };
    }

    private static string RandomText(int length)
    {
        var random = new Random(1);
        return string.Create(length, random, static (text, random) =>
        {
            foreach (ref var letter in text)
                letter = (char)random.Next('a', 'z' + 1);
        });
    }

    private static byte[] Insert(int position, ReadOnlySpan<char> text)
    {
        using var operation = new MemoryStream();
        using (var output = new CodedOutputStream(operation, leaveOpen: true))
        {
            if (position > 0)
                output.WriteUInt64((ulong)position << 3);
            output.WriteUInt64(((ulong)text.Length << 3) | 2);
        }

        operation.Write(Encoding.ASCII.GetBytes(text.ToArray()));
        return operation.ToArray();
    }
}
