// How many connections the gateways and the worker have, so that those who take them have room for all: PgBouncer refuses whoever
// comes when it has as many as it may, and is then kept busy with those who try again.

namespace CloudSync.Cluster;

public static class ConnectionsOfPrograms
{
    // Each PBKDF2 of a login is milliseconds of PgBouncer's one thread, and when a connection breaks a program closes all that it has
    // and opens them again. So many logins at once are over before anybody gives up waiting.
    private const int ToLogOfAll = 160;
    private const int ToLogMin = 6;
    private const int ToLogMax = 16;

    /// <summary>To the log, of each of so many gateways and of the worker.</summary>
    public static int ToLog(int gateways) => Math.Clamp(ToLogOfAll / (gateways + 1), ToLogMin, ToLogMax);

    /// <summary>To the standby, of each gateway and worker.</summary>
    public const int ToStandby = 4;

    // Those who look how it is, back up, or follow; and a program that has died and whose end nobody has noticed yet.
    private const int Others = 100;

    // As many gateways as there may be, and the worker.
    private const int Programs = ClusterOptions.GatewaysMax + 1;

    /// <summary>What PgBouncer has to take.</summary>
    public const int ToPgBouncerMax = (Programs * ToLogMin) + ToLogOfAll + Others;

    /// <summary>What a standby has to take, and so its primary: PostgreSQL wants them alike.</summary>
    public const int ToPostgresMax = (Programs * ToStandby) + Others;
}
