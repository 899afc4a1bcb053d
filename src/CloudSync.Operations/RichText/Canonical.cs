// Rewriting an operation into its canonical form, comparing two, and checking one through and through.

namespace CloudSync.Operations;

internal static class Canonical
{
    /// <summary>The same operation with equal neighbours merged, inserts before deletes, no plain retain at the end.</summary>
    public static ReadOnlySpan<byte> Rewrite(ReadOnlySpan<byte> operation, scoped ref ComponentWriter writer)
    {
        for (var reader = new ComponentReader(operation); !reader.Ended; reader.MoveNext())
            writer.Push(in reader, reader.Length, reader.Attributes);
        return writer.Finish();
    }

    /// <summary>Whether two operations in canonical form are the same; how their JSON is written doesn't matter.</summary>
    public static bool AreEqual(ReadOnlySpan<byte> a, ReadOnlySpan<byte> b)
    {
        var readerA = new ComponentReader(a);
        var readerB = new ComponentReader(b);
        for (; !readerA.Ended && !readerB.Ended; readerA.MoveNext(), readerB.MoveNext())
        {
            if (readerA.Kind != readerB.Kind || readerA.Length != readerB.Length
                || !AttributeSet.AreEqual(readerA.Attributes, readerB.Attributes))
                return false;
            var samePayload = readerA.Kind is DeltaKind.InsertEmbed or DeltaKind.RetainEmbed
                ? JsonValues.AreEqual(readerA.Payload, readerB.Payload)
                : readerA.Payload.SequenceEqual(readerB.Payload);
            if (!samePayload)
                return false;
        }

        return readerA.Ended && readerB.Ended;
    }

    /// <summary>Checks everything that can be checked without a document.</summary>
    /// <exception cref="OperationException">Something is wrong.</exception>
    public static OperationMeasure Measure(ReadOnlySpan<byte> operation, bool plain)
    {
        long required = 0;
        long inserted = 0;
        long deleted = 0;
        for (var reader = new ComponentReader(operation); !reader.Ended; reader.MoveNext())
        {
            CheckJson(in reader, plain);
            if (reader.IsInsert)
                inserted += reader.Length;
            else
                required += reader.Length;
            if (reader.Kind == DeltaKind.Delete)
                deleted += reader.Length;
        }

        if (required > int.MaxValue || inserted > int.MaxValue)
            throw ComponentReader.Malformed("its lengths add up to more than 2,147,483,647");
        return new((int)required, (int)(inserted - deleted));
    }

    /// <summary>Checks the JSON of the component that the reader stands on.</summary>
    public static void CheckJson(in ComponentReader reader, bool plain)
    {
        if (reader.Attributes.IsEmpty && reader.Kind is not (DeltaKind.InsertEmbed or DeltaKind.RetainEmbed))
            return;
        if (plain)
        {
            throw new OperationException(
                OperationError.NotAllowedByType, "Plain text has neither attributes nor embeds: use a rich-text document.");
        }

        if (!reader.Attributes.IsEmpty)
            AttributeSet.Check(reader.Attributes);
        if (reader.Kind is DeltaKind.InsertEmbed or DeltaKind.RetainEmbed)
            Embeds.Check(reader.Kind, reader.Payload);
    }
}
