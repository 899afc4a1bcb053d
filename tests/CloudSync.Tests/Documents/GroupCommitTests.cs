// How many documents go into one append, and when another begins beside it.

using System.Diagnostics.Metrics;
using System.Reflection;
using CloudSync.Documents;
using CloudSync.Log;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace CloudSync.Tests.Documents;

public sealed class GroupCommitTests : IDisposable
{
    private static readonly TimeSpan _patience = TimeSpan.FromMinutes(1);

    private readonly FakeTimeProvider _time = new();
    private readonly SlowLog _log;
    private readonly Meters _meters = new();
    private readonly GroupCommit _commit;

    public GroupCommitTests()
    {
        (var log, _log) = Make(appendsAtOnce: 2);
        _commit = Commit(log);
    }

    public void Dispose() => _meters.Dispose();

    [Fact]
    public async Task What_comes_during_an_append_goes_together_in_the_next()
    {
        var first = Append("first");
        await _log.BegunAsync(1);
        var others = Enumerable.Range(0, GroupCommit.DocumentsForAnother - 1).Select(i => Append($"d{i}")).ToArray();
        _log.Answer(0);
        await _log.BegunAsync(2);
        _log.Answer(1);

        await Task.WhenAll([first, .. others]).WaitAsync(_patience, TestContext.Current.CancellationToken);
        Assert.Equal([1, others.Length], _log.Sizes);
    }

    [Fact]
    public async Task Another_append_begins_beside_one_under_way_when_it_is_large()
    {
        var first = Append("first");
        await _log.BegunAsync(1);
        var others = Enumerable.Range(0, GroupCommit.DocumentsForAnother).Select(i => Append($"d{i}")).ToArray();
        await _log.BegunAsync(2);
        _log.Answer(1);

        await Task.WhenAll(others).WaitAsync(_patience, TestContext.Current.CancellationToken);
        Assert.False(first.IsCompleted);
        _log.Answer(0);
        await first.WaitAsync(_patience, TestContext.Current.CancellationToken);
        Assert.Equal([1, others.Length], _log.Sizes);
    }

    [Fact]
    public async Task An_append_that_is_stuck_blocks_nobody_elses_documents_for_long()
    {
        var stuck = Append("stuck");
        await _log.BegunAsync(1);
        var other = Append("other");
        _time.Advance(GroupCommit.PatienceForAnother);
        await _log.BegunAsync(2);
        _log.Answer(1);
        await other.WaitAsync(_patience, TestContext.Current.CancellationToken);

        // And once it is known to be stuck, for no time at all.
        for (var i = 0; i < 3; i++)
        {
            var next = Append($"next{i}");
            await _log.BegunAsync(3 + i);
            _log.Answer(2 + i);
            await next.WaitAsync(_patience, TestContext.Current.CancellationToken);
        }

        Assert.False(stuck.IsCompleted);
        _log.Answer(0);
        await stuck.WaitAsync(_patience, TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task A_log_that_takes_one_append_at_a_time_gets_one_however_long_it_takes()
    {
        var (log, slow) = Make(appendsAtOnce: 1);
        var commit = Commit(log);
        var first = commit.AppendAsync(One("first"));
        await slow.BegunAsync(1);
        var others = Enumerable.Range(0, 2 * GroupCommit.DocumentsForAnother).Select(i => commit.AppendAsync(One($"d{i}"))).ToArray();
        _time.Advance(2 * GroupCommit.PatienceForAnother);
        slow.Answer(0);
        await slow.BegunAsync(2);
        slow.Answer(1);

        await Task.WhenAll([first, .. others]).WaitAsync(_patience, TestContext.Current.CancellationToken);
        Assert.Equal([1, others.Length], slow.Sizes);
    }

    [Fact]
    public async Task A_document_whose_turn_has_not_come_is_told_when_the_append_under_way_has_ended_and_goes_with_the_others()
    {
        var first = Append("first");
        await _log.BegunAsync(1);
        var waiting = Enumerable.Range(0, GroupCommit.DocumentsForAnother - 1).Select(i => new Document(this, $"d{i}")).ToArray();
        foreach (var document in waiting)
            Assert.False(_commit.TryBegin(document));
        Assert.All(waiting, static document => Assert.Equal(0, document.Begun));
        _log.AnswersAtOnce = true;
        _log.Answer(0);

        await AppendedAsync(waiting);
        await first.WaitAsync(_patience, TestContext.Current.CancellationToken);
        Assert.Equal(waiting.Length, _log.Sizes.Skip(1).Sum());
        Assert.All(waiting, static document => Assert.Equal(1, document.Begun));
    }

    [Fact]
    public async Task So_many_documents_wait_no_longer_that_another_append_pays()
    {
        var first = Append("first");
        await _log.BegunAsync(1);
        _log.AnswersAtOnce = true;
        var waiting = Enumerable.Range(0, GroupCommit.DocumentsForAnother).Select(i => new Document(this, $"d{i}")).ToArray();
        foreach (var document in waiting)
            Assert.False(_commit.TryBegin(document));
        await AppendedAsync(waiting);
        Assert.False(first.IsCompleted);
        _log.Answer(0);
        await first.WaitAsync(_patience, TestContext.Current.CancellationToken);
        Assert.All(waiting, static document => Assert.Equal(1, document.Begun));
    }

    [Fact]
    public async Task Documents_wait_for_an_append_that_is_stuck_no_longer_than_for_another()
    {
        var stuck = Append("stuck");
        await _log.BegunAsync(1);
        _log.AnswersAtOnce = true;
        var waiting = new Document(this, "waits");
        Assert.False(_commit.TryBegin(waiting));
        _time.Advance(GroupCommit.PatienceForAnother);
        await AppendedAsync(waiting);
        Assert.True(_commit.TryBegin(new Document(this, "comes later")));
        Assert.False(stuck.IsCompleted);
        _log.Answer(0);
        await stuck.WaitAsync(_patience, TestContext.Current.CancellationToken);
    }

    // A document that asked between the end of an append and the moment when the log had nothing more to do waited for ever.
    [Fact]
    public async Task Whoever_asks_as_an_append_ends_is_not_forgotten()
    {
        var (log, slow) = Make(appendsAtOnce: 1);
        slow.AnswersAtOnce = true;
        var commit = Commit(log);
        await Task.WhenAll(Enumerable.Range(0, 4).Select(number => Task.Run(
            async () =>
            {
                for (var i = 0; i < 5_000; i++)
                {
                    var document = new Document(this, $"d{number}", commit);
                    if (commit.TryBegin(document))
                        _ = ((ICommitting)document).BeginAsync();
                    await document.Appended;
                }
            },
            TestContext.Current.CancellationToken))).WaitAsync(_patience, TestContext.Current.CancellationToken);
        Assert.Equal(20_000, slow.Sizes.Sum());
    }

    private static Task AppendedAsync(params Document[] documents) => Task.WhenAll(documents.Select(static document => document.Appended))
        .WaitAsync(_patience, TestContext.Current.CancellationToken);

    private sealed class Document(GroupCommitTests tests, string id, GroupCommit? commit = null) : ICommitting
    {
        private readonly TaskCompletionSource _appended = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task Appended => _appended.Task;

        public int Begun { get; private set; }

        async Task ICommitting.BeginAsync()
        {
            Begun++;
            await (commit ?? tests._commit).AppendAsync(One(id));
            _appended.SetResult();
        }
    }

    private Task<AppendResult> Append(string id) => _commit.AppendAsync(One(id));

    private static DocumentAppend One(string id) =>
        new(id, 0, [new NewOperation(1, 1, 0, "ada", DateTimeOffset.UnixEpoch, new byte[] { 1 })]);

    private GroupCommit Commit(IOperationLog log) => new(
        log, new DocumentMetrics(_meters, _time), TaskScheduler.Default, new LogWrites(2, NullLogger.Instance, _time));

    private static (IOperationLog Log, SlowLog Slow) Make(int appendsAtOnce)
    {
        var log = DispatchProxy.Create<IOperationLog, SlowLog>();
        var slow = (SlowLog)(object)log;
        slow.AppendsAtOnce = appendsAtOnce;
        return (log, slow);
    }

    private sealed class Meters : IMeterFactory
    {
        private readonly List<Meter> _made = [];

        public Meter Create(MeterOptions options)
        {
            var meter = new Meter(options);
            _made.Add(meter);
            return meter;
        }

        public void Dispose() => _made.ForEach(static meter => meter.Dispose());
    }

    // Public and open, as the proxies that are made of it need it. It answers when it is told to.
    public class SlowLog : DispatchProxy
    {
        private readonly Lock _gate = new();
        private readonly List<(IReadOnlyList<DocumentAppend> Appends, TaskCompletionSource<IReadOnlyList<AppendResult>> Done)> _begun = [];
        private TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public int AppendsAtOnce { get; set; }

        public bool AnswersAtOnce { get; set; }

        public int[] Sizes
        {
            get
            {
                lock (_gate)
                    return [.. _begun.Select(static begun => begun.Appends.Count)];
            }
        }

        public void Answer(int index)
        {
            lock (_gate)
                _begun[index].Done.SetResult([.. _begun[index].Appends.Select(static _ => new AppendResult(AppendOutcome.Appended, 1))]);
        }

        public async Task BegunAsync(int count)
        {
            while (true)
            {
                Task changed;
                lock (_gate)
                {
                    if (_begun.Count >= count)
                        return;
                    changed = _changed.Task;
                }

                await changed.WaitAsync(_patience, TestContext.Current.CancellationToken);
            }
        }

        protected override object? Invoke(MethodInfo? targetMethod, object?[]? args)
        {
            if (targetMethod!.Name == "get_AppendsAtOnce")
                return AppendsAtOnce;
            Assert.Equal(nameof(IOperationLog.AppendAsync), targetMethod.Name);
            lock (_gate)
            {
                var done = new TaskCompletionSource<IReadOnlyList<AppendResult>>(TaskCreationOptions.RunContinuationsAsynchronously);
                _begun.Add(((IReadOnlyList<DocumentAppend>)args![0]!, done));
                _changed.TrySetResult();
                _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
                if (AnswersAtOnce)
                    Answer(_begun.Count - 1);
                return done.Task;
            }
        }
    }
}
