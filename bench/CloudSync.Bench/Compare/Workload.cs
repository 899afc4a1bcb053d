// What all targets are given to do, and at which rates: for each up to past its knee.

namespace CloudSync.Bench.Compare;

/// <summary>A kind of load.</summary>
/// <param name="Name">What --only takes.</param>
/// <param name="Title">For the heading.</param>
/// <param name="Arguments">Of bench load, without target and rates.</param>
/// <param name="Rates">Keystrokes a second, for CloudSync.</param>
/// <param name="PeerRates">The same for the peers, whose knees are known to be lower.</param>
internal sealed record Workload(
    string Name, string Title, IReadOnlyList<string> Arguments, IReadOnlyList<int> Rates, IReadOnlyList<int> PeerRates)
{
    /// <summary>Which of the targets take part.</summary>
    public IReadOnlyList<Contestant> Targets { get; init; } = Contestant.All;

    public static IReadOnlyList<Workload> All { get; } =
    [
        new(
            "one-document", "One document, 50 clients, 10 of them writing",
            ["--documents", "1", "--clients", "50", "--writers", "10"], [500, 1_000, 1_500, 2_000, 5_000, 10_000], [500, 1_000, 1_500, 2_000]),
        new(
            "many-documents", "500 documents, 4 clients in each, all writing",
            ["--documents", "500", "--clients", "4", "--writers", "4"], [2_000, 4_000, 8_000, 16_000, 40_000], [2_000, 4_000, 8_000]),
        new(
            "observers", "One writer, 1,500 observers, five keystrokes a second",
            ["--documents", "1", "--clients", "1501", "--writers", "1"], [5], [5]) { Targets = [.. Contestant.All, Contestant.WithPresence] },
        new(
            "authors", "1,000 authors in one document, a keystroke a second each",
            ["--documents", "1", "--clients", "1000", "--writers", "1000"], [1_000], [1_000]),
    ];
}

/// <summary>A target of the load, and how it is asked for.</summary>
/// <param name="Title">For the column.</param>
/// <param name="Target">What --target takes.</param>
/// <param name="Arguments">More arguments.</param>
internal sealed record Contestant(string Title, string Target, IReadOnlyList<string> Arguments)
{
    public static readonly Contestant CloudSync = new("CloudSync", "cloudsync", []);
    public static readonly Contestant WithPresence = new("CloudSync, everybody's presence on", "cloudsync", ["--presence"]);

    public static IReadOnlyList<Contestant> All { get; } =
        [CloudSync, new("Hocuspocus", "hocuspocus", []), new("ShareDB", "sharedb", []), new("Socket.IO relay", "socketio", [])];

    public bool IsPeer => Target != CloudSync.Target;
}
