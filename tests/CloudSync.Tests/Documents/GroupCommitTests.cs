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
                return done.Task;
            }
        }
    }
}
