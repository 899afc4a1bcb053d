// How many connections the gateways and the worker have, so that those who take them have room for all: PgBouncer refuses whoever
// comes when it has as many as it may, and is then kept busy with those who try again.

namespace CloudSync.Cluster;

internal static class ConnectionsOfPrograms
{
    /// <summary>To the log, of each gateway and worker.</summary>
    public const int ToLog = 16;

    /// <summary>To the standby, of each gateway and worker.</summary>
    public const int ToStandby = 4;

    // Those who look how it is, back up, or follow; and a program that has died and whose end nobody has noticed yet.
    private const int Others = 100;

    // As many gateways as there may be, and the worker.
    private const int Programs = ClusterOptions.GatewaysMax + 1;

    /// <summary>What PgBouncer has to take.</summary>
    public const int ToPgBouncerMax = (Programs * ToLog) + Others;

    /// <summary>What a standby has to take, and so its primary: PostgreSQL wants them alike.</summary>
    public const int ToPostgresMax = (Programs * ToStandby) + Others;
}
