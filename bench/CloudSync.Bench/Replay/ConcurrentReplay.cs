// Replays a session in which two people typed at once, each on what it had seen: one client for each.
//
// A transaction is typed on exactly what its author had seen then. The client is not held back (with one operation in
// flight, its acknowledgement would wait behind what must not be seen yet, and two authors who wait for each other's
// next operation would wait for ever); the author's view is, which lies in front of it: see HeldView.

namespace CloudSync.Bench.Replay;

internal sealed class ConcurrentReplay
{
    private readonly Replicas _replicas;
    private readonly bool _compose;
    private readonly Author[] _authors;

    public ConcurrentReplay(Trace trace, Replicas replicas, bool compose)
    {
        _replicas = replicas;
        _compose = compose;
        var ordered = RecordedOrder.Of(trace);
        _authors = [new(replicas[0], ordered[0], ordered[1]), new(replicas[1], ordered[1], ordered[0])];
    }

    /// <summary>The views at the end, when everything was let in.</summary>
    public IEnumerable<string> Views => _authors.Select(author => author.View.ToPlainText());

    public async Task RunAsync(Action typed, CancellationToken stop)
    {
        using var failed = CancellationTokenSource.CreateLinkedTokenSource(stop);
        await Task.WhenAll(_authors.Select(author => Task.Run(
            async () =>
            {
                try
                {
                    await TypeAsync(author, _authors[author == _authors[0] ? 1 : 0], typed, failed.Token);
                }
                catch
                {
                    // The other would wait for ever.
                    await failed.CancelAsync();
                    throw;
                }
            },
            stop)));
        await _replicas.WhenQuietAsync(stop);
        foreach (var author in _authors)
            author.View.LetIn(long.MaxValue);
    }

    private async Task TypeAsync(Author author, Author other, Action typed, CancellationToken stop)
    {
        var seen = 0;
        for (var i = 0; i < author.Transactions.Length; i++)
        {
            var (transaction, sees, follows) = author.Transactions[i];
            if (sees > seen)
            {
                var version = await other.WhenCommittedAsync(sees, stop);
                await author.Replica.WhenAtAsync(version, stop);
                author.View.LetIn(version);
                seen = sees;
            }

            if (follows > seen)
                await other.WhenCommittedAsync(follows, stop);
            foreach (var patch in transaction.Patches)
            {
                author.Replica.Type(() => author.View.Type(patch.ToDelta()));
                typed();
                if (!_compose)
                    await author.Replica.WhenSavedAsync(stop);
            }

            // Where the other's view ends, an operation must end too.
            if (!_compose || author.IsAwaited(i + 1))
            {
                await author.Replica.WhenSavedAsync(stop);
                author.Committed(i + 1);
            }
        }
    }

    private sealed class Author
    {
        // The version at which the first so many transactions are committed and none after them: where the other waits.
        private readonly Dictionary<int, TaskCompletionSource<long>> _committed;

        public Author(Replica replica, OrderedTransaction[] transactions, OrderedTransaction[] others)
        {
            Replica = replica;
            Transactions = transactions;
            View = new(replica);
            _committed = others.SelectMany(other => new[] { other.Sees, other.Follows }).Distinct()
                .ToDictionary(count => count, _ => new TaskCompletionSource<long>(TaskCreationOptions.RunContinuationsAsynchronously));
        }

        public Replica Replica { get; }

        public HeldView View { get; }

        public OrderedTransaction[] Transactions { get; }

        public bool IsAwaited(int count) => _committed.ContainsKey(count);

        public void Committed(int count)
        {
            if (_committed.TryGetValue(count, out var at))
                at.SetResult(Replica.Document.Version);
        }

        public Task<long> WhenCommittedAsync(int count, CancellationToken stop) => _committed[count].Task.WaitAsync(stop);
    }
}
