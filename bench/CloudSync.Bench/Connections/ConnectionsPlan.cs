// Who opens what, and where: connections over documents, documents over processes and gateways. All of a document's connections
// are in one process, which can time its keystrokes by one clock, and on one gateway, as a load balancer has it.

using CloudSync.Bench.Generator;

namespace CloudSync.Bench.Connections;

/// <param name="Count">How many connections.</param>
/// <param name="Processes">How many processes open them.</param>
/// <param name="Gateways">How many gateways are to be started; 1: one server on SQLite.</param>
/// <param name="Documents">Over how many documents they are spread.</param>
/// <param name="Duration">How long they are held.</param>
/// <param name="Rate">Keystrokes a second meanwhile.</param>
/// <param name="Bare">Whether they open nothing.</param>
/// <param name="Urls">Servers that run already; empty: some are started.</param>
internal sealed record ConnectionsPlan(
    int Count, int Processes, int Gateways, int Documents, TimeSpan Duration, double Rate, bool Bare, IReadOnlyList<Uri> Urls)
{
    // A process may open 20,000 files; a gateway has some for itself, and limits its connections to so many.
    private const int ConnectionsMax = 18_000;
    private const int ConnectionsOfMany = 17_500;
    private const int ConnectionsPerDocument = 50;

    /// <summary>Fills in what isn't given.</summary>
    /// <exception cref="InvalidDataException">A process would have more than it can open.</exception>
    public static ConnectionsPlan Create(
        int count, int? processes, int? documents, TimeSpan duration, double rate, bool bare, IReadOnlyList<Uri> urls, int? gateways = null)
    {
        var needed = count <= ConnectionsMax ? 1 : ((count - 1) / ConnectionsOfMany) + 1;
        var processCount = processes ?? Math.Min(needed, documents ?? needed);
        var gatewayCount = urls.Count > 0 ? urls.Count : gateways ?? needed;
        var plan = new ConnectionsPlan(
            count, processCount, gatewayCount,
            documents ?? Math.Max(Math.Max(processCount, gatewayCount), count / ConnectionsPerDocument),
            duration, rate, bare, urls);
        foreach (var (what, parts) in ((string, int)[])[("process", plan.Processes), ("gateway", plan.Gateways)])
        {
            var most = plan.Spread(parts).Max(static part => part.Sum(static document => document.Clients));
            if (most > ConnectionsMax)
                throw new InvalidDataException($"A {what} would have {most:N0} connections; at most {ConnectionsMax:N0} are possible. More processes, gateways or documents help.");
        }

        return plan;
    }

    /// <summary>The documents of each of so many parts; their ids are their numbers.</summary>
    public IReadOnlyList<IReadOnlyList<PlannedDocument>> Spread(int parts)
    {
        var spread = Enumerable.Range(0, parts).Select(static _ => new List<PlannedDocument>()).ToArray();
        for (var number = 0; number < Documents; number++)
        {
            var clients = (Count / Documents) + (number < Count % Documents ? 1 : 0);
            spread[number % parts].Add(new PlannedDocument(
                number.ToString(System.Globalization.CultureInfo.InvariantCulture), number % Gateways, clients, Bare ? 0 : clients));
        }

        return spread;
    }
}
