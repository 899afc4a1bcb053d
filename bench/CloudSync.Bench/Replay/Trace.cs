// A recorded editing session, read from its file (gzipped JSON, or plain JSON).

using System.IO.Compression;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace CloudSync.Bench.Replay;

/// <summary>One change: at a position, so many characters are deleted, and then a text is inserted.</summary>
internal readonly record struct Patch(int Position, int Deleted, string Inserted);

/// <summary>Patches that were made together.</summary>
/// <param name="Agent">Who made them; 0 in a sequential session.</param>
/// <param name="Parents">With more than one agent: the newest transactions that the author had seen, as indexes.</param>
/// <param name="Patches">Each made on what the one before it left.</param>
internal sealed record Transaction(int Agent, int[] Parents, Patch[] Patches);

/// <summary>A recorded session.</summary>
/// <param name="Concurrent">Several agents wrote at once, each on what it had seen; or one after the other.</param>
/// <param name="Agents">How many.</param>
/// <param name="StartContent">The text before it.</param>
/// <param name="EndContent">The text after it.</param>
/// <param name="Transactions">In an order in which each comes after its parents.</param>
internal sealed record Trace(
    bool Concurrent, int Agents, string StartContent, string EndContent, Transaction[] Transactions)
{
    public int Patches { get; private init; } = Transactions.Sum(transaction => transaction.Patches.Length);

    /// <exception cref="InvalidDataException">The file is not a recorded session, or one that can't be replayed.</exception>
    public static async Task<Trace> LoadAsync(FileInfo file, CancellationToken cancellationToken)
    {
        await using Stream stream = file.Name.EndsWith(".gz", StringComparison.OrdinalIgnoreCase)
            ? new GZipStream(file.OpenRead(), CompressionMode.Decompress)
            : file.OpenRead();
        TraceFile? read;
        try
        {
            read = await JsonSerializer.DeserializeAsync<TraceFile>(stream, JsonSerializerOptions.Web, cancellationToken);
        }
        catch (JsonException exception)
        {
            throw new InvalidDataException($"{file.Name} is not a recorded session: {exception.Message}");
        }

        if (read?.EndContent is null || read.Txns is null)
            throw new InvalidDataException($"{file.Name} is not a recorded session: it has no endContent or no txns.");
        var transactions = read.Txns.Select(txn => new Transaction(
            txn.Agent, txn.Parents ?? [], [.. (txn.Patches ?? []).Select(patch => ReadPatch(file, patch))])).ToArray();
        var trace = new Trace(
            read.Kind == "concurrent", Math.Max(1, read.NumAgents), read.StartContent ?? "", read.EndContent, transactions);
        trace.Check(file);
        return trace;
    }

    /// <summary>The session again and again, from its beginning, until it has at least so many patches.</summary>
    public Trace Repeat(int patches)
    {
        var again = new Transaction(0, [], [new Patch(0, EndContent.Length, StartContent)]);
        var transactions = new List<Transaction>(Transactions);
        for (var count = Patches; count < patches; count += Patches + 1)
            transactions.AddRange([again, .. Transactions]);
        return this with { Transactions = [.. transactions], Patches = transactions.Sum(transaction => transaction.Patches.Length) };
    }

    private static Patch ReadPatch(FileInfo file, JsonElement[] patch) =>
        patch is [{ ValueKind: JsonValueKind.Number } at, { ValueKind: JsonValueKind.Number } deleted,
            { ValueKind: JsonValueKind.String } inserted]
            ? new(at.GetInt32(), deleted.GetInt32(), inserted.GetString()!)
            : throw new InvalidDataException($"{file.Name}: a patch is [position, deleted, inserted].");

    private void Check(FileInfo file)
    {
        // Positions in the files count code points, ours UTF-16 code units: the same, as long as there is no pair.
        if (Transactions.SelectMany(transaction => transaction.Patches).Any(patch => patch.Inserted.Any(char.IsSurrogate))
            || StartContent.Any(char.IsSurrogate))
            throw new InvalidDataException($"{file.Name} holds characters outside the basic plane, whose positions differ.");
        for (var i = 0; i < Transactions.Length; i++)
        {
            if (Transactions[i].Agent < 0 || Transactions[i].Agent >= Agents
                || Transactions[i].Parents.Any(parent => parent < 0 || parent >= i))
                throw new InvalidDataException($"{file.Name}: transaction {i} has an unknown agent or parent.");
        }
    }

    private sealed record TraceFile(
        string? Kind, int NumAgents, string? StartContent, string? EndContent, TraceTransaction[]? Txns);

    private sealed record TraceTransaction(
        int Agent, int[]? Parents, [property: JsonRequired] JsonElement[][]? Patches);
}
