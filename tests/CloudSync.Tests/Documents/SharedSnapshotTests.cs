// People who join at about the same time share one snapshot, which is encoded once: the same bytes, not equal ones.

using System.Runtime.InteropServices;
using CloudSync.Documents;
using CloudSync.Operations;
using CloudSync.Protocol.V1;
using Xunit;

namespace CloudSync.Tests.Documents;

public sealed class SharedSnapshotTests : IAsyncLifetime
{
    private readonly TemporaryDirectory _directory = new();
    private readonly HoldingScheduler _scheduler = new();
    private DocumentsHost _host = null!;
    private TestSession _writer = null!;
    private ulong _nextClient = 10;

    public async ValueTask InitializeAsync()
    {
        _host = await DocumentsHost.StartAsync(_directory.File("log.db"), scheduler: _scheduler);
        await _host.Service.CreateAsync("d", "text", "Title", "", Delta.FromPlainText("hello").Bytes, CancellationToken.None);
        _writer = await _host.OpenAsync("d", 1);
    }

    public async ValueTask DisposeAsync()
    {
        _writer.Dispose();
        await _host.DisposeAsync();
        _directory.Dispose();
    }

    [Fact]
    public async Task Who_joins_a_little_later_shares_the_bytes_and_who_joins_much_later_gets_newer_ones()
    {
        using var first = await JoinAsync();
        await TypeAsync(256);
        using var second = await JoinAsync();
        await TypeAsync(1);
        using var third = await JoinAsync();
        var opened = TakeOpened(first);
        Assert.Same(opened, TakeOpened(second));
        Assert.NotSame(opened, TakeOpened(third));
    }

    [Fact]
    public async Task While_a_snapshot_is_encoded_nobody_begins_another_and_edits_go_on()
    {
        await TypeAsync(300);
        _scheduler.HoldNextSnapshot();
        var first = JoinAsync();
        await _scheduler.IsHeldAsync();
        // Edits are acknowledged meanwhile, more than a finished snapshot may be old.
        await TypeAsync(300);
        var second = JoinAsync();
        Assert.False(first.IsCompleted);
        Assert.False(second.IsCompleted);
        _scheduler.Release();
        using var one = await first;
        using var other = await second;
        Assert.Same(TakeOpened(one), TakeOpened(other));
    }

    [Fact]
    public async Task Who_has_taken_the_shared_message_reads_on_after_it()
    {
        using var session = await JoinAsync();
        var opened = session.TakeOpened(1);
        var message = ServerFrame.Parser.ParseFrom(opened.Span).Messages[0].Opened;
        Assert.Equal(("d", "text", "Title", 1UL, 1UL), (message.DocumentId, message.Type, message.Title, message.Version, message.Head));
        Assert.Equal("hello", Delta.FromBytes(message.Snapshot.Memory).ToPlainText());
        Assert.True(session.TakeOpened(1).IsEmpty);
        await TypeAsync(1);
        var output = new System.Buffers.ArrayBufferWriter<byte>();
        session.Read(output, int.MaxValue);
        Assert.Equal(1UL, ServerFrame.Parser.ParseFrom(output.WrittenSpan).Messages[0].Committed.BaseVersion);
    }

    // Around the lengths at which what stands before the snapshot needs a byte more.
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(90)]
    [InlineData(110)]
    [InlineData(127)]
    [InlineData(128)]
    [InlineData(16_340)]
    [InlineData(16_384)]
    [InlineData(2_097_100)]
    [InlineData(2_097_152)]
    public void A_message_that_is_encoded_where_it_is_sent_from_is_the_same_as_any_other(int length)
    {
        foreach (var type in (DocumentType[])[DocumentType.Text, DocumentType.RichText])
        {
            for (var longer = 0; longer < 40; longer += 3)
            {
                var content = length == 0 ? Delta.Empty : Delta.FromPlainText(new string('é', (length + longer) / 2) + (longer % 2 == 0 ? "" : "x"));
                var opened = new Opened { DocumentId = "document-1", Type = type.Name, Version = 300, Head = 301, Title = "Überschrift" };
                var chunk = ServerChunks.Opened(opened, type.DecodeSnapshot(content.Bytes.Span));
                opened.Snapshot = Google.Protobuf.ByteString.CopyFrom(content.Bytes.Span);
                Assert.Equal(new ServerMessage { Opened = opened }, Assert.Single(ServerFrame.Parser.ParseFrom(chunk.Span).Messages));
            }
        }
    }

    [Fact]
    public async Task A_small_message_is_left_to_be_read_with_the_rest()
    {
        using var session = await JoinAsync();
        Assert.True(session.TakeOpened(64 << 10).IsEmpty);
        var output = new System.Buffers.ArrayBufferWriter<byte>();
        session.Read(output, int.MaxValue);
        Assert.Equal("d", ServerFrame.Parser.ParseFrom(output.WrittenSpan).Messages[0].Opened.DocumentId);
    }

    private async Task TypeAsync(int operations)
    {
        for (var i = 0; i < operations; i++)
        {
            _writer.Submit(Delta.Build().Insert("x").ToDelta());
            await _writer.ReachAsync(_writer.Version + 1);
        }
    }

    // One that doesn't read by itself.
    private async Task<DocumentSession> JoinAsync()
    {
        var client = _nextClient++;
        return await _host.Documents.OpenAsync(
            "d", new SessionRequest(client, new User { Id = "joiner" }, null), new Deaf(), CancellationToken.None);
    }

    private static byte[] TakeOpened(DocumentSession session)
    {
        Assert.True(MemoryMarshal.TryGetArray(session.TakeOpened(1), out var array));
        return array.Array!;
    }

    private sealed class Deaf : IDocumentSubscriber
    {
        public void Wake(DocumentSession session)
        {
            // It is read when the test wants it.
        }
    }

    /// <summary>The thread pool, but for one task that waits until it is released.</summary>
    private sealed class HoldingScheduler : TaskScheduler
    {
        private TaskCompletionSource<Task>? _held;

        /// <summary>The next snapshot that is to be encoded is held. What else runs, like the end of an append, is not.</summary>
        public void HoldNextSnapshot() => _held = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public async Task IsHeldAsync() => await _held!.Task.WaitAsync(TimeSpan.FromSeconds(60));

        public void Release() => Run(_held!.Task.Result);

        protected override void QueueTask(Task task)
        {
            if (_held is null || task is not Task<ReadOnlyMemory<byte>> || !_held.TrySetResult(task))
                Run(task);
        }

        protected override bool TryExecuteTaskInline(Task task, bool taskWasPreviouslyQueued) => false;

        protected override IEnumerable<Task> GetScheduledTasks() => [];

        private void Run(Task task) => ThreadPool.UnsafeQueueUserWorkItem(_ => TryExecuteTask(task), null);
    }
}
