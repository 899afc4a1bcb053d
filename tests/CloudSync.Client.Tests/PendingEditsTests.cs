// The merge logic by itself: any number of clients against the server's rule, with random delays.

using CloudSync.Operations;
using CloudSync.Operations.Tests;
using CloudSync.Verification.RichText;
using CsCheck;
using Xunit;

namespace CloudSync.Client.Tests;

public sealed class PendingEditsTests
{
    [Theory, InlineData(false), InlineData(true)]
    public void Clients_that_edit_at_once_come_to_the_servers_document(bool plain) =>
        RandomDeltaGen.Of(plain).Sample(make => Converge(make, plain, clients: 3, steps: 40), iter: 400, threads: 1);

    [Fact]
    public void An_operation_that_is_committed_otherwise_than_foreseen_corrects_what_is_shown() =>
        RandomDeltaGen.Of().Sample(
            make =>
            {
                var (document, pending) = InFlight(make, out var content);
                pending.Add(make.Operation(Delta.FromState(pending.Shown)).Bytes);
                var actual = make.Operation(content);
                var shown = Delta.FromState(pending.Shown);
                var foreseen = pending.Operations[0].Operation.Span.SequenceEqual(actual.Bytes.Span);
                document.Submit(1, 1, 0, actual.Bytes);

                var correction = pending.ReceiveOwn(actual.Bytes);

                Assert.Equal(foreseen ? 0 : 1, pending.Divergences);
                Assert.Equal(document.Content, Delta.FromState(pending.Committed));
                Assert.Equal(Delta.FromState(pending.Shown), Applied(shown, correction));
                Assert.Equal(Delta.FromState(pending.Shown), Applied(document.Content, pending.Operations));
            },
            iter: 1_000);

    [Fact]
    public void A_refused_operation_is_taken_out_from_under_the_edits_behind_it() =>
        RandomDeltaGen.Of().Sample(
            make =>
            {
                var (document, pending) = InFlight(make, out var content);
                pending.Add(make.Operation(Delta.FromState(pending.Shown)).Bytes);
                var shown = Delta.FromState(pending.Shown);

                var (taken, change) = pending.TakeBack(refused: true);

                Assert.Equal(1, taken.Edits);
                Assert.Equal(0ul, pending.Sequence);
                Assert.Equal(content, Delta.FromState(pending.Committed));
                Assert.Equal(Delta.FromState(pending.Shown), Applied(shown, change));
                Assert.Equal(Delta.FromState(pending.Shown), Applied(content, pending.Operations));
            },
            iter: 1_000);

    [Fact]
    public void Waiting_edits_are_composed_up_to_the_limit()
    {
        var pending = new PendingEdits(DocumentType.Text.CreateEmpty(), 0, 0, composeBytes: 20);
        for (var i = 0; i < 30; i++)
        {
            pending.Add(Delta.Build().Retain(i).Insert("x").ToDelta().Bytes);
            pending.Next();
        }

        Assert.Equal(30, pending.Unsaved);
        Assert.Equal(1, pending.Operations[0].Edits);
        Assert.True(pending.Operations.Count is > 1 and < 10);
        Assert.All(pending.Operations, operation => Assert.True(operation.Operation.Length <= 20));
        Assert.Equal((ulong)pending.Operations.Count, pending.NewestSequence);
    }

    /// <summary>With more, merging what was missed meanwhile would soon be too much work, and the edits lost.</summary>
    [Fact]
    public void Waiting_edits_of_json_are_composed_up_to_a_number_of_components()
    {
        var pending = new PendingEdits(DocumentType.Json.DecodeSnapshot("[[],[]]"u8), 0, 0, composeBytes: 1 << 20);
        for (var i = 0; i < 1_200; i++)
            pending.Add(System.Text.Encoding.UTF8.GetBytes($$"""[{"p":[{{i % 2}},0],"li":{{i}}}]"""));

        Assert.Equal([500, 500, 200], pending.Operations.Select(operation => operation.Edits));
        Assert.Equal(1_200, pending.Unsaved);
    }

    [Fact]
    public void What_is_typed_and_deleted_before_it_is_sent_is_never_sent()
    {
        var pending = new PendingEdits(DocumentType.Text.CreateEmpty(), 0, 0, 1000);
        pending.Add(Delta.Build().Insert("x").ToDelta().Bytes);
        pending.Add(Delta.Build().Delete(1).ToDelta().Bytes);

        Assert.Null(pending.Next());
        Assert.Equal(0, pending.Unsaved);
        Assert.Equal(0ul, pending.Sequence);
    }

    [Fact]
    public void An_edit_written_otherwise_than_the_server_would_is_committed_as_foreseen_over_an_operation_that_does_nothing()
    {
        var content = Delta.FromPlainText("abc\n");
        var document = new Sequencer(DocumentType.RichText, content);
        var pending = new PendingEdits(DocumentType.RichText.DecodeSnapshot(content.Bytes.Span), 0, 0, 1000);
        // The canonical form has the insert first.
        pending.Add(Delta.ParseJson("""{"ops":[{"delete":3},{"insert":"x"}]}""").Bytes);
        var sent = pending.Next()!.Operation;
        document.Submit(2, 1, 0, default);
        document.Submit(1, 1, 0, sent);

        pending.Receive(document.Log[0].Operation.Memory, 1);
        pending.ReceiveOwn(document.Log[1].Operation.Memory);

        Assert.Equal(0, pending.Divergences);
        Assert.Equal(document.Content, Delta.FromState(pending.Shown));
    }

    [Fact]
    public void An_edit_that_does_not_fit_changes_nothing()
    {
        var pending = new PendingEdits(DocumentType.Text.CreateEmpty(), 0, 0, 1000);
        Assert.Throws<OperationException>(() => pending.Add(Delta.Build().Retain(1).Insert("x").ToDelta().Bytes));
        Assert.Equal(0, pending.Unsaved);
        Assert.Same(pending.Committed, pending.Shown);
    }

    private static (Sequencer, PendingEdits) InFlight(RandomDeltas make, out Delta content)
    {
        content = make.Document(6);
        var document = new Sequencer(DocumentType.RichText, content);
        var pending = new PendingEdits(DocumentType.RichText.DecodeSnapshot(content.Bytes.Span), 0, 0, 1000);
        pending.Add(make.Operation(content).Bytes);
        if (pending.Next() is null)
        {
            pending.Add(Delta.Build().Insert("x").ToDelta().Bytes);
            pending.Next();
        }

        return (document, pending);
    }

    private static Delta Applied(Delta content, ReadOnlyMemory<byte> operation) =>
        content.Compose(Delta.FromBytes(operation));

    private static Delta Applied(Delta content, IEnumerable<PendingOperation> operations) =>
        operations.Aggregate(content, (shown, pending) => Applied(shown, pending.Operation));

    private static void Converge(RandomDeltas make, bool plain, int clients, int steps)
    {
        var type = plain ? DocumentType.Text : DocumentType.RichText;
        var content = make.Document(6);
        var document = new Sequencer(type, content);
        var all = Enumerable.Range(1, clients)
            .Select(id => new Client((ulong)id, document, new(type.DecodeSnapshot(content.Bytes.Span), 0, 0, 60)))
            .ToArray();
        for (var step = 0; step < steps; step++)
        {
            var client = all[make.Next(clients)];
            switch (make.Next(4))
            {
                case 0:
                    client.Pending.Add(make.Operation(Delta.FromState(client.Pending.Shown)).Bytes);
                    break;
                case 1:
                    client.Send();
                    break;
                default:
                    client.Receive();
                    break;
            }
        }

        while (all.Any(client => client.Send() | client.Receive()))
        {
        }

        foreach (var client in all)
        {
            Assert.Equal(document.Content, Delta.FromState(client.Pending.Shown));
            Assert.Equal(document.Head, client.Pending.Version);
            Assert.Equal(0, client.Pending.Unsaved);
            Assert.Equal(0, client.Pending.Divergences);
        }
    }

    private sealed class Client(ulong id, Sequencer document, PendingEdits pending)
    {
        private bool _sent;

        public PendingEdits Pending => pending;

        public bool Send()
        {
            if (_sent || pending.Next() is not { } next)
                return false;
            // Sent twice, as after a lost connection: only the first may count.
            Assert.Null(document.Submit(id, pending.Sequence, pending.Version, next.Operation));
            Assert.Equal(document.Head, document.Submit(id, pending.Sequence, pending.Version, next.Operation));
            return _sent = true;
        }

        public bool Receive()
        {
            if (pending.Version == document.Head)
                return false;
            var operation = document.Log[(int)pending.Version];
            var shown = Delta.FromState(pending.Shown);
            ReadOnlyMemory<byte> change;
            if (operation.ClientId == id)
            {
                change = pending.ReceiveOwn(operation.Operation.Memory);
                _sent = false;
            }
            else
            {
                change = pending.Receive(operation.Operation.Memory, 1);
            }

            Assert.Equal(Delta.FromState(pending.Shown), shown.Compose(Delta.FromBytes(change)));
            return true;
        }
    }
}
