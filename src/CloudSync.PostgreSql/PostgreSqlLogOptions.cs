// How the PostgreSQL log is reached.

using Microsoft.Extensions.Options;

namespace CloudSync.PostgreSql;

/// <summary>Bound from the configuration section "CloudSync:PostgreSql".</summary>
public sealed class PostgreSqlLogOptions
{
    /// <summary>
    /// The primary, directly or through PgBouncer: an Npgsql connection string. It may name several hosts; the one that can
    /// be written to is used, so that the program goes on by itself after a failover.
    /// </summary>
    public string ConnectionString { get; set; } = "";

    /// <summary>A standby that history is read from when it is new enough; empty for none.</summary>
    public string StandbyConnectionString { get; set; } = "";

    /// <summary>
    /// How long a server that doesn't answer, or is still starting up, is waited for when the log is opened; up to an hour.
    /// </summary>
    public TimeSpan StartPatience { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>
    /// After so long an append, or another write, counts as one of unknown outcome; whoever waits for it is told so.
    /// From 100 ms to 10 minutes.
    /// </summary>
    public TimeSpan WriteTimeout { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>How long a read may take; from 1 s to 10 minutes.</summary>
    public TimeSpan ReadTimeout { get; set; } = TimeSpan.FromSeconds(20);

    /// <summary>How long the standby may take for a read, before the primary is asked; from 10 ms to a minute.</summary>
    public TimeSpan StandbyTimeout { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>How long a standby that failed isn't asked again; up to an hour.</summary>
    public TimeSpan StandbyPause { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>
    /// Writes of unknown outcome that may still be under way; as long as there are as many, nothing more is written.
    /// Each keeps a connection. From 1 to 100.
    /// </summary>
    public int UnansweredWritesMax { get; set; } = 4;
}

/// <summary>The connection strings are looked at when the log is opened, with what the server says.</summary>
internal sealed class PostgreSqlLogOptionsValidator : IValidateOptions<PostgreSqlLogOptions>
{
    public ValidateOptionsResult Validate(string? name, PostgreSqlLogOptions options)
    {
        var failures = new List<string>();
        Check(nameof(options.StartPatience), options.StartPatience, TimeSpan.Zero, TimeSpan.FromHours(1), "from 0 to 1 hour");
        Check(
            nameof(options.WriteTimeout), options.WriteTimeout, TimeSpan.FromMilliseconds(100), TimeSpan.FromMinutes(10),
            "from 100 ms to 10 minutes");
        Check(
            nameof(options.ReadTimeout), options.ReadTimeout, TimeSpan.FromSeconds(1), TimeSpan.FromMinutes(10),
            "from 1 s to 10 minutes");
        Check(
            nameof(options.StandbyTimeout), options.StandbyTimeout, TimeSpan.FromMilliseconds(10), TimeSpan.FromMinutes(1),
            "from 10 ms to 1 minute");
        Check(nameof(options.StandbyPause), options.StandbyPause, TimeSpan.Zero, TimeSpan.FromHours(1), "from 0 to 1 hour");
        if (options.UnansweredWritesMax is < 1 or > 100)
            failures.Add($"CloudSync:PostgreSql:UnansweredWritesMax is {options.UnansweredWritesMax}; it must be from 1 to 100.");
        return failures.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(failures);

        void Check(string setting, TimeSpan value, TimeSpan least, TimeSpan most, string allowed)
        {
            if (value < least || value > most)
                failures.Add($"CloudSync:PostgreSql:{setting} is {value}; it must be {allowed}.");
        }
    }
}
