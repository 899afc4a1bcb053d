// What came of those who had to come back, on one thread or on all.

using HdrHistogram;

namespace CloudSync.Bench.Generator;

/// <param name="Back">From the moment of the storm until each had its document open again; microseconds.</param>
/// <param name="Away">From the loss of its connection until then; microseconds.</param>
internal sealed record StormFigures(LongHistogram Back, LongHistogram Away)
{
    /// <summary>How many came back in each tenth of a second since the storm.</summary>
    public List<long> BackInTenth { get; } = [];

    /// <summary>Those who are not back.</summary>
    public long LeftOut { get; set; }

    /// <summary>Operations that were not acknowledged when their author's connection was lost.</summary>
    public long InFlight { get; set; }

    /// <summary>Operations that were sent again, since they were not among what had been committed meanwhile.</summary>
    public long SentAgain { get; set; }

    public static StormFigures Create() => new(StepFigures.CreateHistogram(), StepFigures.CreateHistogram());

    public void Add(StormFigures other)
    {
        Back.Add(other.Back);
        Away.Add(other.Away);
        for (var tenth = 0; tenth < other.BackInTenth.Count; tenth++)
            AddBack(tenth, other.BackInTenth[tenth]);
        LeftOut += other.LeftOut;
        InFlight += other.InFlight;
        SentAgain += other.SentAgain;
    }

    /// <summary>Counts some who came back in a tenth of a second.</summary>
    public void AddBack(int tenth, long count)
    {
        while (BackInTenth.Count <= tenth)
            BackInTenth.Add(0);
        BackInTenth[tenth] += count;
    }
}
