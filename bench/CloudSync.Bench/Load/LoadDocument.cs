// A document of the load: for each of its versions, when the key was to be pressed and when it was on the other screen.

namespace CloudSync.Bench.Load;

internal sealed class LoadDocument(string id)
{
    private readonly Lock _gate = new();
    private readonly List<(long Pressed, long Seen)> _versions = [];

    public string Id => id;

    /// <summary>A writer learned which version his keystroke became.</summary>
    public void Pressed(long version, long timestamp)
    {
        lock (_gate)
        {
            Reach(version);
            _versions[(int)version] = _versions[(int)version] with { Pressed = timestamp };
        }
    }

    /// <summary>Versions have come to the observer.</summary>
    public void Seen(long firstVersion, long lastVersion, long timestamp)
    {
        lock (_gate)
        {
            Reach(lastVersion);
            for (var version = (int)firstVersion; version <= lastVersion; version++)
                _versions[version] = _versions[version] with { Seen = timestamp };
        }
    }

    /// <summary>Takes everything so far: how many keystrokes, and each one's way to the screen, 0 for one that isn't there.</summary>
    public List<long> Take()
    {
        lock (_gate)
        {
            var ways = new List<long>();
            for (var i = 0; i < _versions.Count; i++)
            {
                var (pressed, seen) = _versions[i];
                if (pressed != 0)
                    ways.Add(seen == 0 ? 0 : Math.Max(1, seen - pressed));
                _versions[i] = default;
            }

            return ways;
        }
    }

    private void Reach(long version)
    {
        while (_versions.Count <= version)
            _versions.Add(default);
    }
}
