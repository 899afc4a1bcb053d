// Who is in a storm, and who sees it. The people of the storm are all on the first gateway; those who type all the time, and notice it if
// anybody does, are on the others, in documents of their own. Of one server both are there.

using CloudSync.Bench.Generator;

namespace CloudSync.Bench.Storm;

/// <param name="Count">How many lose their connections and come back.</param>
/// <param name="Gateways">How many there are; 1: one server on SQLite, which lives on: the connections to it are cut.</param>
/// <param name="Documents">Over how many documents they are spread.</param>
/// <param name="Rate">Keystrokes a second of those who type all the time; those of the storm type as many from then on.</param>
/// <param name="Calm">How long it is typed before the storm, and after it.</param>
/// <param name="Drains">The gateway is asked to stop, and not killed.</param>
internal sealed record StormPlan(int Count, int Gateways, int Documents, double Rate, TimeSpan Calm, bool Drains)
{
    /// <summary>What a gateway takes by default, and a process can have open.</summary>
    public const int ConnectionsMax = 18_000;

    /// <summary>Those who type all the time: so many documents, each with two who write and two who watch.</summary>
    public const int LiveDocuments = 50;

    public const int LiveClients = 4;

    private const int LiveWriters = 2;
    private const int ConnectionsPerDocument = 50;

    // Of each document of the storm so many write: what is typed while nobody is there waits, and a few of many write at a time.
    private const int StormWriters = 1;

    /// <summary>Fills in what isn't given.</summary>
    /// <exception cref="InvalidDataException">They would not fit on the gateways that are left.</exception>
    public static StormPlan Create(int count, int gateways, int? documents, double rate, TimeSpan calm, bool drains)
    {
        var room = (Math.Max(1, gateways - 1) * ConnectionsMax) - (LiveDocuments * LiveClients);
        if (count > room)
            throw new InvalidDataException($"--count is at most {room} with so few gateways: all are to find a place on those that are left.");
        return new StormPlan(count, gateways, documents ?? Math.Max(1, count / ConnectionsPerDocument), rate, calm, drains);
    }

    /// <summary>The documents of the storm.</summary>
    /// <param name="ids">Documents that exist, as many as there are to be.</param>
    public IReadOnlyList<PlannedDocument> StormOf(IReadOnlyList<string> ids) => [.. ids.Select((id, number) =>
        new PlannedDocument(id, 0, (Count / Documents) + (number < Count % Documents ? 1 : 0), StormWriters))];

    /// <summary>The documents of those who type all the time.</summary>
    /// <param name="ids">Documents that exist.</param>
    public IReadOnlyList<PlannedDocument> LiveOf(IReadOnlyList<string> ids) => [.. ids.Select((id, number) =>
        new PlannedDocument(id, Gateways == 1 ? 0 : 1 + (number % (Gateways - 1)), LiveClients, LiveWriters))];
}
