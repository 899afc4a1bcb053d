// What a claim holds, as one range for each document: batches that follow one another are one.

using CloudSync.Log;

namespace CloudSync.Delivery;

internal static class DocumentRanges
{
    /// <summary>Those of one document in order.</summary>
    public static List<VersionRange> Of(IReadOnlyList<OutboxBatch> batches)
    {
        var ranges = new List<VersionRange>();
        // Where a document's newest range stands.
        var places = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach (var batch in batches)
        {
            var last = batch.FirstVersion + batch.Count - 1;
            if (places.TryGetValue(batch.DocumentId, out var place) && ranges[place].Last + 1 == batch.FirstVersion)
            {
                ranges[place] = ranges[place] with { Last = last };
                continue;
            }

            places[batch.DocumentId] = ranges.Count;
            ranges.Add(new(batch.DocumentId, batch.FirstVersion, last));
        }

        return ranges;
    }
}
