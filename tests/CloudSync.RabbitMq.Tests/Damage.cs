// Damages a SQLite log as a bad disk or a careless hand would, and remembers what was said about it.

using System.Collections.Concurrent;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Logging;
using Xunit;

namespace CloudSync.RabbitMq.Tests;

internal static class Damage
{
    /// <summary>Changes a log behind the back of whoever has it open.</summary>
    public static void Run(string folder, string sql)
    {
        using var connection = new SqliteConnection($"Data Source={Path.Combine(folder, "log.db")};Pooling=False;Foreign Keys=False");
        connection.Open();
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        var rows = command.ExecuteNonQuery();
        Assert.True(rows > 0 || sql.StartsWith("ALTER", StringComparison.Ordinal), "Nothing was damaged.");
    }
}

/// <summary>Keeps each line of one event.</summary>
internal sealed class Lines(int eventId) : ILoggerProvider, ILogger
{
    private readonly ConcurrentQueue<string> _lines = new();

    public IReadOnlyCollection<string> All => _lines;

    public ILogger CreateLogger(string categoryName) => this;

    public bool IsEnabled(LogLevel logLevel) => true;

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public void Log<TState>(
        LogLevel logLevel, EventId id, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        if (id.Id == eventId)
            _lines.Enqueue($"{logLevel}: {formatter(state, exception)}");
    }

    public void Dispose()
    {
    }
}
