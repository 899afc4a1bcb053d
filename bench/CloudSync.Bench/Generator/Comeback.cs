// What a client has besides that comes back when its connection is lost, as CloudSync's own clients do.

namespace CloudSync.Bench.Generator;

/// <summary>Moments are timestamps of the stopwatch; 0: not yet, or not now.</summary>
internal sealed class Comeback
{
    /// <summary>The number of the server that its connection is at, or goes to.</summary>
    public int Server { get; set; }

    /// <summary>Attempts in a row to come back that are not forgotten.</summary>
    public int Failures { get; set; }

    /// <summary>When the connection was welcomed that there is.</summary>
    public long WelcomedAt { get; set; }

    /// <summary>When it was lost the first time.</summary>
    public long LostAt { get; set; }

    /// <summary>When it had its document open again.</summary>
    public long BackAt { get; set; }

    /// <summary>When it leaves a server that stops.</summary>
    public long LeavesAt { get; set; }

    /// <summary>The version up to which it is to be caught up.</summary>
    public long Head { get; private set; }

    /// <summary>It has its document open, and has not been told all that it has missed.</summary>
    public bool IsCatchingUp { get; set; }

    /// <summary>Its document is opened, from the version that it has.</summary>
    public void Opens(long head) => (Head, IsCatchingUp) = (head, true);
}
