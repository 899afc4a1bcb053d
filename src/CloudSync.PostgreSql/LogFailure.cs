// What PostgreSQL's error codes mean to an operator, in one line each.

using System.Net.Sockets;
using CloudSync.Log;
using Npgsql;

namespace CloudSync.PostgreSql;

internal static class LogFailure
{
    public const string Setting = "CloudSync:PostgreSql:ConnectionString";

    /// <summary>What to throw when a log that was usable once could not be read or written; null if it isn't the server's.</summary>
    public static Exception? InUse(Exception exception) => exception switch
    {
        PostgresException postgres => InUse(postgres),
        NpgsqlException or SocketException or IOException or TimeoutException =>
            Unavailable("it can't be reached", exception),
        _ => null,
    };

    /// <summary>
    /// What to throw when the log could not be opened: unusable if waiting won't help, unavailable if it may; null if it
    /// isn't the server's.
    /// </summary>
    public static Exception? AtOpen(Exception exception, NpgsqlConnectionStringBuilder settings) => exception switch
    {
        // PgBouncer has one code for all it has to say.
        PostgresException { SqlState: "28P01" or "28000" } or PostgresException { SqlState: "08P01", MessageText: "SASL authentication failed" } =>
            Unusable($"The PostgreSQL server refuses role '{settings.Username}' or its password", exception),
        PostgresException { SqlState: "3D000" } => Unusable($"There is no database '{settings.Database}' on the PostgreSQL server", exception),
        PostgresException { SqlState: "08P01" } postgres when postgres.MessageText.Contains("does not exist", StringComparison.Ordinal)
            || postgres.MessageText.Contains("no such database", StringComparison.Ordinal) =>
            Unusable($"There is no database '{settings.Database}' on the PostgreSQL server", exception),
        PostgresException { SqlState: "42501" } => Unusable(
            $"Role '{settings.Username}' may not do what CloudSync needs in database '{settings.Database}': let it own the database, or grant it CREATE there",
            exception),
        PostgresException { SqlState: "25006" } => ReadOnly(exception),
        PostgresException postgres => InUse(postgres),
        NpgsqlException { InnerException: null } npgsql when npgsql.Message.StartsWith("No password", StringComparison.Ordinal) =>
            Unusable($"The PostgreSQL server asks role '{settings.Username}' for a password", exception),
        NpgsqlException { InnerException: ArgumentException } or ArgumentException or FormatException =>
            Unusable("The connection string can't be understood", exception),
        NpgsqlException or SocketException or IOException or TimeoutException => new LogUnavailableException(
            $"No PostgreSQL server answers at {settings.Host}:{settings.Port} ({Detail(exception)}). Setting: {Setting}.", exception),
        _ => null,
    };

    /// <summary>The outcome of a write isn't known.</summary>
    public static LogUnavailableException Unanswered(string reason, Exception? exception = null) => new(
        $"The PostgreSQL log didn't acknowledge a write: {reason}. Whether it was carried out is unknown.", exception);

    public static LogUnusableException Corrupt(Exception? exception, string detail, string? documentId = null) => new(
        $"The PostgreSQL log is corrupt ({detail}). Stop the servers, keep a copy of the database, and restore a backup.",
        exception)
    {
        DocumentId = documentId,
    };

    public static LogUnusableException Unusable(string what, Exception? exception) => new(
        $"{what} ({Detail(exception)}). Setting: {Setting}.", exception);

    public static LogUnusableException ReadOnly(Exception? exception) => new(
        $"The PostgreSQL server is read-only: a standby, or default_transaction_read_only is on. Setting: {Setting}.", exception);

    /// <summary>Whether nothing was done for certain, so that it can be done again at once.</summary>
    public static bool IsUndone(Exception exception) => exception is PostgresException { SqlState: "40P01" or "40001" };

    /// <summary>Whether a connection is gone, or couldn't be had.</summary>
    public static bool IsConnection(Exception exception) => exception switch
    {
        PostgresException postgres => postgres.SqlState.StartsWith("57P", StringComparison.Ordinal)
            || postgres.SqlState.StartsWith("08", StringComparison.Ordinal),
        NpgsqlException or SocketException or IOException => true,
        _ => false,
    };

    /// <summary>One line.</summary>
    public static string Detail(Exception? exception) => (exception switch
    {
        PostgresException postgres => $"{postgres.SqlState}, {postgres.MessageText}",
        NpgsqlException { InnerException: { } inner } => inner.Message,
        _ => exception?.Message ?? "",
    }).ReplaceLineEndings(" ").TrimEnd('.');

    private static Exception InUse(PostgresException exception) => exception.SqlState switch
    {
        "53100" => Unavailable("its disk is full", exception),
        "53200" => Unavailable("it has no memory left", exception),
        "53300" => Unavailable("it has too many connections", exception),
        "40P01" or "40001" => Unavailable("a transaction was in the way of another", exception),
        "55P03" => Unavailable("another transaction keeps rows locked", exception),
        "57014" => Unavailable("a statement was cancelled", exception),
        "57P01" or "57P02" or "57P03" => Unavailable("it is shutting down or starting up", exception),
        "25006" => Unavailable("it has become read-only, as after a failover", exception),
        "58030" => Unavailable("its disk reports an error", exception),
        "42501" => Unusable("The role may no longer do what CloudSync needs", exception),
        "3F000" or "42P01" or "42883" => Unusable("The tables of CloudSync are gone from the database", exception),
        "XX001" or "XX002" or "23505" or "23514" => Corrupt(exception, Detail(exception)),
        _ => Unavailable("it reports an error", exception),
    };

    private static LogUnavailableException Unavailable(string reason, Exception exception) =>
        new($"The PostgreSQL log can't be used just now: {reason} ({Detail(exception)}).", exception);
}
