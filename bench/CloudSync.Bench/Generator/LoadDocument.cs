// A document of the load, and which operation each of its versions came from.

namespace CloudSync.Bench.Generator;

/// <param name="id">Its name on the server.</param>
/// <param name="server">The number of the server that all of its clients go to.</param>
internal sealed class LoadDocument(string id, int server)
{
    private readonly List<(LoadWriter? Author, ulong Sequence)> _authors = [];
    private readonly List<(long Version, long SeenAt)> _unresolved = [];
    private long _firstVersion;

    public string Id => id;

    public int Server => server;

    /// <summary>Where a load balancer that knows that the server is gone takes its people.</summary>
    /// <param name="others">How many servers are left.</param>
    public int PlaceAmong(int others)
    {
        // FNV-1a: the same for everybody, in whichever process.
        var hash = 2_166_136_261u;
        foreach (var letter in id)
            hash = (hash ^ letter) * 16_777_619u;
        return (int)(hash % (uint)others);
    }

    /// <summary>All of them are on one thread.</summary>
    public List<LoadClient> Clients { get; } = [];

    /// <summary>How many had it open when the step began: as many screens is each keystroke to be seen on.</summary>
    public int Screens { get; private set; }

    /// <summary>Forgets the steps before.</summary>
    public void Begin()
    {
        Screens = Clients.Count(static client => client.State == ClientState.Live);
        _firstVersion = Clients.Select(static client => client.Version).DefaultIfEmpty().Min() + 1;
        _authors.Clear();
        _unresolved.Clear();
    }

    /// <summary>It is known which operation a version was made by.</summary>
    public void Learn(long version, LoadWriter author, ulong sequence)
    {
        var index = version - _firstVersion;
        if (index < 0)
            return;
        while (_authors.Count <= index)
            _authors.Add(default);
        _authors[(int)index] = (author, sequence);
    }

    /// <summary>A version came to a screen within several that were composed into one, which names no authors.</summary>
    /// <returns>Which operation it was made by. If that isn't known yet, it is kept for <see cref="TryResolve"/>.</returns>
    public (LoadWriter? Author, ulong Sequence) SeeInRun(long version, long seenAt)
    {
        var author = AuthorOf(version);
        // What is older than the step is nobody's.
        if (author.Author is null && version >= _firstVersion)
            _unresolved.Add((version, seenAt));
        return author;
    }

    /// <summary>Takes one that was seen before its author had it, and is known now.</summary>
    public bool TryResolve(out LoadWriter author, out ulong sequence, out long seenAt)
    {
        if (_unresolved.Count > 0 && AuthorOf(_unresolved[^1].Version) is (not null, _) known)
        {
            (author, sequence, seenAt) = (known.Author!, known.Sequence, _unresolved[^1].SeenAt);
            _unresolved.RemoveAt(_unresolved.Count - 1);
            return true;
        }

        (author, sequence, seenAt) = (null!, 0, 0);
        return false;
    }

    private (LoadWriter? Author, ulong Sequence) AuthorOf(long version)
    {
        var index = version - _firstVersion;
        return index < 0 || index >= _authors.Count ? default : _authors[(int)index];
    }
}
