// What the generator writes and reads by hand, against the generated classes.

using CloudSync.Bench.Generator;
using CloudSync.Operations;
using CloudSync.Protocol.V1;
using CsCheck;
using Google.Protobuf;
using Xunit;

namespace CloudSync.Bench.Tests;

public sealed class CloudSyncProtocolTests
{
    private static readonly Gen<CommittedOperation> GenOperation = Gen.Select(
        Gen.Int[0, 4], Gen.ULong[1, 1_000_000], Gen.Byte.Array[0, 20], Gen.ULong[0, 3], (author, sequence, bytes, count) => new CommittedOperation
        {
            ClientId = count > 1 ? 0 : (ulong)author, ClientSeq = count > 1 ? 0 : sequence, Operation = ByteString.CopyFrom(bytes), Count = count,
        });

    [Fact]
    public void A_keystroke_is_a_Submit_that_the_generated_parser_reads() =>
        Gen.Select(Gen.Long[0, 1_000_000], Gen.ULong[1, 1_000_000_000], Gen.Int[1, GeneratorThread.ComposedMax]).Sample((version, sequence, keystrokes) =>
        {
            var client = new LoadClient(new LoadDocument("doc-1", 0), 3, 0) { Version = version, Sequence = sequence };
            var submit = Assert.Single(Parse((protocol, buffer) => protocol.Type(client, keystrokes, buffer)).Messages).Submit;
            Assert.Equal(("doc-1", (ulong)version, sequence), (submit.DocumentId, submit.BaseVersion, submit.ClientSeq));
            var measure = DocumentType.Text.Measure(submit.Operation.Span);
            Assert.Equal(keystrokes, measure.LengthChange);
            Assert.InRange(measure.RequiredLength, 0, version);
        });

    [Fact]
    public void A_selection_is_a_SetPresence_that_the_generated_parser_reads() => Gen.Long[0, 1_000_000].Sample(version =>
    {
        var client = new LoadClient(new LoadDocument("doc-1", 0), 3, 0) { Version = version };
        var presence = Assert.Single(Parse((protocol, buffer) => protocol.MoveSelection(client, buffer)).Messages).SetPresence;
        Assert.Equal(("doc-1", (ulong)version), (presence.DocumentId, presence.Version));
        Assert.Equal(presence.Selection.Anchor, presence.Selection.Focus);
        Assert.InRange(presence.Selection.Focus, 0u, (uint)version);
    });

    [Fact]
    public void A_sign_of_life_is_a_Ping()
    {
        var client = new LoadClient(new LoadDocument("doc-1", 0), 3, 0);
        Assert.NotNull(Assert.Single(Parse((protocol, buffer) => protocol.Beat(client, buffer)).Messages).Ping);
    }

    [Fact]
    public void What_is_committed_is_read_as_the_generated_class_has_it() =>
        Gen.Select(Gen.Long[0, 1_000], GenOperation.Array[0, 10]).Sample((version, operations) =>
        {
            var client = new LoadClient(new LoadDocument("d", 0), 0, 0) { Version = version };
            var events = new RecordedEvents();
            var body = new Committed { DocumentId = "d", BaseVersion = (ulong)version, Operations = { operations } }.ToByteArray();
            Assert.True(CommittedReader.TryRead(client, body, 0, events));

            var expected = new List<string>();
            foreach (var operation in operations)
            {
                expected.Add(operation.Count > 1
                    ? $"run {version + 1} {operation.Count}"
                    : $"{(long)operation.ClientId - 1} {operation.ClientSeq} {version + 1}");
                version += Math.Max(1, (long)operation.Count);
            }

            Assert.Equal(expected, events.Said);
            Assert.Equal(version, client.Version);
        });

    [Theory]
    [InlineData(4)]
    [InlineData(6)]
    public void A_version_twice_or_a_gap_is_not_taken(ulong baseVersion)
    {
        var client = new LoadClient(new LoadDocument("d", 0), 0, 0) { Version = 5 };
        var body = new Committed { DocumentId = "d", BaseVersion = baseVersion, Operations = { new CommittedOperation { ClientId = 1, ClientSeq = 1 } } };
        var events = new RecordedEvents();
        Assert.False(CommittedReader.TryRead(client, body.ToByteArray(), 0, events));
        Assert.Empty(events.Said);
    }

    [Fact]
    public void Arbitrary_bytes_never_throw() => Gen.Byte.Array[0, 100].Sample(bytes =>
    {
        CommittedReader.TryRead(new LoadClient(new LoadDocument("d", 0), 0, 0), bytes, 0, new RecordedEvents());
    }, iter: 20_000);

    private static ClientFrame Parse(Func<LoadProtocol, byte[], int> write)
    {
        var buffer = new byte[4_096];
        var length = write(new CloudSyncProtocol(new CloudSyncProtocolSettings(Presence: true, Spread: false)), buffer);
        return ClientFrame.Parser.ParseFrom(buffer, 0, length);
    }

    private sealed class RecordedEvents : ILoadEvents
    {
        public List<string> Said { get; } = [];

        public bool Welcomed(LoadClient client, string gateway) => true;

        public void Opened(LoadClient client) => Said.Add("opened");

        public void Delivered(LoadClient client, long author, ulong sequence, long version) => Said.Add($"{author} {sequence} {version}");

        public void DeliveredRun(LoadClient client, long firstVersion, long count) => Said.Add($"run {firstVersion} {count}");

        public void Refused(LoadClient client, ulong sequence, string reason, bool maySendAgain = false) => Said.Add($"refused {sequence}");

        public void AskLater(LoadClient client, string reason, TimeSpan retryAfter) => Said.Add($"ask in {retryAfter}");

        public void GoingAway(LoadClient client, TimeSpan min, TimeSpan max) => Said.Add($"leave in {min} to {max}");

        public void PresenceReceived(int bytes) => Said.Add("presence");

        public void Send(LoadClient client, ReadOnlySpan<byte> message) => Said.Add("send");

        public void Failed(LoadClient client, string reason, TimeSpan? retryAfter = null) => Said.Add(reason);
    }
}
