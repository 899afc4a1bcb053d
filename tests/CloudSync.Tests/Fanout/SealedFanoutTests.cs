// What others bring over the fan-out: nobody is shown what is not in his log, and what was shown all the same goes away.

using CloudSync.Documents;
using CloudSync.Fanout;
using CloudSync.Operations;
using CloudSync.Protocol.V1;
using CloudSync.Tests.Documents;
using Google.Protobuf;
using Xunit;

namespace CloudSync.Tests.Fanout;

public sealed class SealedFanoutTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private readonly InProcessFanout _fanout = new();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose() => _directory.Dispose();

    [Fact]
    public async Task A_gateway_on_another_log_changes_nothing_here_even_if_its_documents_have_the_same_names()
    {
        await using var production = await StartAsync("production.db");
        await using var staging = await StartAsync("staging.db");
        using var here = await OpenAsync(production, "real");
        using var there = await OpenAsync(staging, "real");

        there.Submit(Insert("staged "));
        await there.ReachAsync(2);
        here.Submit(Insert("truly "));
        await here.ReachAsync(2);

        Assert.Equal("truly real", here.Text);
        Assert.Equal("staged real", there.Text);
        Assert.Equal(default, here.Closed);
    }

    [Fact]
    public async Task A_message_that_nobody_on_this_log_has_sealed_is_passed_over()
    {
        await using var host = await StartAsync("log.db");
        using var one = await OpenAsync(host, "real");
        var message = Forged(1, Insert("FORGED ")).ToByteArray();
        await _fanout.PublishAsync("d", message, Cancellation);
        await _fanout.PublishAsync("d", (byte[])[.. new byte[16], .. message], Cancellation);
        await _fanout.PublishAsync("d", new byte[3], Cancellation);
        // Sealed, but for another document.
        await new Moved(_fanout, "d").PublishAsync(host, "e", message);

        one.Submit(Insert("truly "));
        await one.ReachAsync(2);
        Assert.Equal("truly real", one.Text);
    }

    [Fact]
    public async Task What_is_in_memory_and_not_in_the_log_is_found_by_the_check_of_heads()
    {
        await using var host = await StartAsync("log.db", TimeSpan.FromMilliseconds(100));
        using var one = await OpenAsync(host, "real");
        await host.Fanout.PublishAsync("d", Forged(1, Insert("FORGED ")).ToByteArray(), Cancellation);

        await one.ReadUntilAsync(() => one.Closed == ClosedReason.Reopen);

        using var again = await host.OpenAsync("d", 2);
        Assert.Equal("real", again.Text);
    }

    [Fact]
    public async Task A_hint_that_does_not_fit_the_document_ends_nothing()
    {
        await using var host = await StartAsync("log.db");
        using var one = await OpenAsync(host, "real");
        await host.Fanout.PublishAsync(
            "d", Forged(1, Delta.Build().Retain(1_000).Insert("x").ToDelta()).ToByteArray(), Cancellation);
        // A frame with something else in it, which would be passed on to clients as it is.
        var closing = Forged(1, Insert("x"));
        closing.CommittedFrame = new ServerFrame
        {
            Messages =
            {
                ServerFrame.Parser.ParseFrom(closing.CommittedFrame).Messages[0],
                new ServerMessage { Closed = new Closed { DocumentId = "d", Reason = ClosedReason.Deleted } },
            },
        }.ToByteString();
        await host.Fanout.PublishAsync("d", closing.ToByteArray(), Cancellation);

        one.Submit(Insert("truly "));
        await one.ReachAsync(2);
        Assert.Equal("truly real", one.Text);
        Assert.Equal(default, one.Closed);
    }

    private static Delta Insert(string text) => Delta.FromPlainText(text);

    private static FanoutMessage Forged(ulong baseVersion, Delta operation) => new()
    {
        GatewayId = "elsewhere",
        CommittedFrame = new ServerFrame
        {
            Messages =
            {
                new ServerMessage
                {
                    Committed = new Committed
                    {
                        DocumentId = "d",
                        BaseVersion = baseVersion,
                        Operations = { new CommittedOperation { ClientId = 9, ClientSeq = 1, Operation = ByteString.CopyFrom(operation.Bytes.Span) } },
                    },
                },
            },
        }.ToByteString(),
    };

    private Task<DocumentsHost> StartAsync(string file, TimeSpan? headCheckInterval = null) => DocumentsHost.StartAsync(
        _directory.File(file), _fanout, options => options.HeadCheckInterval = headCheckInterval ?? TimeSpan.FromHours(1));

    private static async Task<TestSession> OpenAsync(DocumentsHost host, string text)
    {
        await host.Service.CreateAsync("d", "text", "", "", Insert(text).Bytes, Cancellation);
        return await host.OpenAsync("d", 1);
    }

    // Takes what is published for one document, and publishes it for another.
    private sealed class Moved(IFanout inner, string documentId)
    {
        public async Task PublishAsync(DocumentsHost host, string otherId, byte[] message)
        {
            await using var subscription = await inner.SubscribeAsync(
                otherId, whole => _ = inner.PublishAsync(documentId, whole, Cancellation).AsTask(), Cancellation);
            await host.Fanout.PublishAsync(otherId, message, Cancellation);
        }
    }
}
