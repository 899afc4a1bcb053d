// The primary and the standby as sources of connections, with the settings that CloudSync insists on.

using Npgsql;

namespace CloudSync.PostgreSql;

internal static class Servers
{
    private const int PoolMax = 16;
    private const int StandbyPoolMax = 4;

    /// <summary>Where the log is written. Throws what is wrong with the connection string.</summary>
    public static (NpgsqlDataSource Source, NpgsqlConnectionStringBuilder Settings) Primary(PostgreSqlLogOptions options)
    {
        NpgsqlConnectionStringBuilder settings;
        try
        {
            settings = Complete(options.ConnectionString, connectSeconds: 5, options.ReadTimeout, PoolMax);
        }
        catch (Exception exception) when (exception is ArgumentException or FormatException or KeyNotFoundException)
        {
            throw LogFailure.Unusable("The connection string can't be understood", exception);
        }

        if (string.IsNullOrWhiteSpace(settings.Host))
            throw LogFailure.Unusable("The connection string names no server", null);
        try
        {
            return (Build(settings, TargetSessionAttributes.Primary), settings);
        }
        catch (Exception exception) when (exception is ArgumentException or InvalidOperationException or NotSupportedException)
        {
            // Each part can be understood, but not with the others.
            throw LogFailure.Unusable("The connection string can't be used", exception);
        }
    }

    /// <summary>Where history is read; null if there is no standby.</summary>
    public static (NpgsqlDataSource Source, int ConnectionsMax)? Standby(PostgreSqlLogOptions options)
    {
        if (string.IsNullOrWhiteSpace(options.StandbyConnectionString))
            return null;
        try
        {
            var settings = Complete(
                options.StandbyConnectionString, (int)Math.Ceiling(options.StandbyTimeout.TotalSeconds), options.StandbyTimeout,
                StandbyPoolMax);
            return (Build(settings, TargetSessionAttributes.Any), settings.MaxPoolSize);
        }
        catch (Exception exception) when (exception is ArgumentException or FormatException or KeyNotFoundException
            or InvalidOperationException or NotSupportedException)
        {
            throw new Log.LogUnusableException(
                $"The connection string of the standby can't be understood ({LogFailure.Detail(exception)}). "
                + "Setting: CloudSync:PostgreSql:StandbyConnectionString.",
                exception);
        }
    }

    private static NpgsqlConnectionStringBuilder Complete(string connectionString, int connectSeconds, TimeSpan timeout, int poolMax)
    {
        var settings = new NpgsqlConnectionStringBuilder(connectionString)
        {
            // Neither passes PgBouncer in transaction mode, and nobody can see from here whether one is in between. It costs
            // nothing where it matters: what an append runs is planned once, in the server's functions.
            MaxAutoPrepare = 0,
            NoResetOnClose = true,
            Multiplexing = false,
            Enlist = false,
            // A server whose machine is gone is found out by the kernel.
            TcpKeepAlive = true,
            TcpKeepAliveTime = 10,
            TcpKeepAliveInterval = 5,
            CommandTimeout = Math.Max(1, (int)Math.Ceiling(timeout.TotalSeconds)),
            // After a cancellation that isn't answered either, the connection is given up.
            CancellationTimeout = 2_000,
        };
        if (!Names(connectionString, "timeout"))
            settings.Timeout = connectSeconds;
        if (!Names(connectionString, "maximum pool size") && !Names(connectionString, "maxpoolsize"))
            settings.MaxPoolSize = poolMax;
        if (!Names(connectionString, "host recheck seconds"))
            settings.HostRecheckSeconds = 2;
        settings.ApplicationName ??= "cloudsync";
        return settings;
    }

    private static bool Names(string connectionString, string key) =>
        connectionString.Split(';').Any(pair => pair.Split('=')[0].Trim().Equals(key, StringComparison.OrdinalIgnoreCase));

    private static NpgsqlDataSource Build(NpgsqlConnectionStringBuilder settings, TargetSessionAttributes target)
    {
        // Which of several hosts it is, is CloudSync's to say.
        settings.TargetSessionAttributes = null;
        var builder = new NpgsqlDataSourceBuilder(settings.ConnectionString);
        return settings.Host!.Contains(',', StringComparison.Ordinal)
            ? builder.BuildMultiHost().WithTargetSession(target)
            : builder.Build();
    }
}
