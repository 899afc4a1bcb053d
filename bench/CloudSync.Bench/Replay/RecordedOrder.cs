// What a concurrent session says about order: what the author of each transaction had seen, and, where two wrote at one
// place at once, whose text came to stand first. A file of two agents.

using System.Buffers;
using CloudSync.Operations;

namespace CloudSync.Bench.Replay;

/// <summary>A transaction of one of two agents.</summary>
/// <param name="Transaction">What was typed.</param>
/// <param name="Sees">How many of the other's transactions its author had seen.</param>
/// <param name="Follows">
/// How many of the other's have to be committed before it, seen or not: one of them inserts at the same position, and in
/// the recorded end it stands first, as does what is committed first.
/// </param>
internal readonly record struct OrderedTransaction(Transaction Transaction, int Sees, int Follows);

internal static class RecordedOrder
{
    /// <returns>The transactions of each agent, in the order in which it made them.</returns>
    /// <exception cref="InvalidDataException">The file can't be replayed.</exception>
    public static OrderedTransaction[][] Of(Trace trace)
    {
        // What two have seen of each other is a beginning of what either typed, in the order in which it is committed.
        // With three, one may have seen of two others what the server doesn't commit in that order.
        if (trace.Agents != 2)
            throw new InvalidDataException("A concurrent session is replayed for two agents.");
        var seen = WhatWasSeen(trace);
        // The tools that such files are recorded with let an order of the agents decide; it isn't in the file.
        return Merge(trace, seen, first: 0) ?? Merge(trace, seen, first: 1)
            ?? throw new InvalidDataException(
                "Neither order of the agents leads to the recorded end, where they wrote at one place at once.");
    }

    private static int[] WhatWasSeen(Trace trace)
    {
        var all = new int[trace.Transactions.Length][];
        var others = new int[all.Length];
        int[] made = [0, 0];
        for (var i = 0; i < all.Length; i++)
        {
            var transaction = trace.Transactions[i];
            var (own, other) = (transaction.Agent, 1 - transaction.Agent);
            int[] seen = [0, 0];
            foreach (var parent in transaction.Parents)
                seen = [Math.Max(seen[0], all[parent][0]), Math.Max(seen[1], all[parent][1])];
            if (seen[own] != made[own])
                throw new InvalidDataException($"Transaction {i} was made without knowing its author's one before.");
            others[i] = seen[other];
            seen[own] = ++made[own];
            all[i] = seen;
        }

        return others;
    }

    // Merges the session without a server, one agent's inserts standing first in every tie. Null if that doesn't lead to
    // the recorded end.
    private static OrderedTransaction[][]? Merge(Trace trace, int[] seen, int first)
    {
        var type = DocumentType.Text;
        List<OrderedTransaction>[] ordered = [[], []];
        var merged = Start(trace);
        DocumentState[] views = [Start(trace), Start(trace)];
        // What one has typed and the other hasn't seen, as it applies to the other's view.
        List<(int Number, byte[] Operation)>[] unseen = [[], []];
        for (var i = 0; i < seen.Length; i++)
        {
            var transaction = trace.Transactions[i];
            var (agent, held) = (transaction.Agent, unseen[transaction.Agent]);
            while (held.Count > 0 && held[0].Number <= seen[i])
            {
                views[agent].Apply(held[0].Operation);
                held.RemoveAt(0);
            }

            ordered[agent].Add(new(transaction, seen[i], 0));
            var side = agent == first ? Side.Left : Side.Right;
            foreach (var patch in transaction.Patches)
            {
                var typed = patch.ToDelta().Bytes.ToArray();
                views[agent].Apply(typed);
                for (var j = 0; j < held.Count; j++)
                {
                    var (number, other) = held[j];
                    var left = Transform(typed, other, Side.Left);
                    var right = Transform(typed, other, Side.Right);
                    if (!left.AsSpan().SequenceEqual(right))
                    {
                        if (agent == first)
                            Follow(ordered[1 - agent], number, ordered[agent].Count);
                        else
                            Follow(ordered[agent], ordered[agent].Count, number);
                    }

                    held[j] = (number, Transform(other, typed, side == Side.Left ? Side.Right : Side.Left));
                    typed = side == Side.Left ? left : right;
                }

                merged.Apply(typed);
                unseen[1 - agent].Add((ordered[agent].Count, typed));
            }
        }

        if (Delta.FromState(merged).ToPlainText() != trace.EndContent)
            return null;
        return [[.. ordered[0]], [.. ordered[1]]];

        byte[] Transform(byte[] operation, byte[] over, Side side)
        {
            var output = new ArrayBufferWriter<byte>();
            type.Transform(operation, over, side, output);
            return output.WrittenSpan.ToArray();
        }
    }

    // Numbers count from 1.
    private static void Follow(List<OrderedTransaction> transactions, int number, int follows) =>
        transactions[number - 1] = transactions[number - 1] with
        {
            Follows = Math.Max(transactions[number - 1].Follows, follows),
        };

    private static DocumentState Start(Trace trace) =>
        DocumentType.Text.DecodeSnapshot(Delta.Build().Insert(trace.StartContent).ToDelta().Bytes.Span);
}
