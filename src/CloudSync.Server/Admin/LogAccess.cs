// The log for a command: the one that the server would use, opened beside it.

using System.CommandLine;
using CloudSync.Log;

namespace CloudSync.Server.Admin;

internal static class LogAccess
{
    private static readonly TimeSpan _startPatience = TimeSpan.FromSeconds(5);

    public static Option<DirectoryInfo> Data { get; } = new("--data")
    {
        Description = "Where the documents are kept, if they are in SQLite.",
        DefaultValueFactory = static _ => new DirectoryInfo("data"),
    };

    public static Option<string?> PostgreSql { get; } = new("--postgres")
    {
        Description = "The connection string, if they are in PostgreSQL; else CloudSync__PostgreSql__ConnectionString.",
    };

    public static Option<bool> Json { get; } = new("--json") { Description = "The output is one JSON object." };

    /// <summary>Opens the log, does something with it, and closes it.</summary>
    /// <returns>What that returned; an exit code that says so if the log can't be used.</returns>
    public static async Task<int> UseAsync(
        ParseResult parsed, Func<IOperationLog, CancellationToken, Task<int>> use, CancellationToken stop)
    {
        try
        {
            await using var services = Open(ConnectionString(parsed), parsed.GetRequiredValue(Data));
            return await use(services.GetRequiredService<IOperationLog>(), stop).ConfigureAwait(false);
        }
        catch (Exception exception) when (exception is LogUnusableException or LogUnavailableException)
        {
            return CommandLine.Fail(CommandLine.LogUnusable, exception.Message);
        }
    }

    /// <summary>Of PostgreSQL, if that is where the documents are; else null or empty.</summary>
    public static string? ConnectionString(ParseResult parsed) =>
        parsed.GetValue(PostgreSql) ?? Environment.GetEnvironmentVariable("CloudSync__PostgreSql__ConnectionString");

    /// <summary>Opens PostgreSQL if a connection string is given, else the SQLite file in a folder, which is made only if asked for.</summary>
    public static ServiceProvider Open(string? connectionString, DirectoryInfo data, bool create = false)
    {
        if (!string.IsNullOrEmpty(connectionString))
        {
            return Open(services => services.AddPostgreSqlLog(options =>
            {
                options.ConnectionString = connectionString;
                // Somebody waits for the answer.
                options.StartPatience = _startPatience;
            }));
        }

        var file = new FileInfo(Path.Combine(data.FullName, "cloudsync.db"));
        return file.Exists || create
            ? OpenFile(file)
            : throw new LogUnusableException($"There is no database '{file}'. Say where it is with --data or --postgres.");
    }

    /// <summary>Opens a SQLite file, or makes it.</summary>
    public static ServiceProvider OpenFile(FileInfo file) =>
        Open(services => services.AddSqliteLog(options => options.Path = file.FullName));

    private static ServiceProvider Open(Action<IServiceCollection> addLog)
    {
        var services = new ServiceCollection();
        services.AddLogging();
        services.AddMetrics();
        services.AddSingleton(TimeProvider.System);
        addLog(services);
        return services.BuildServiceProvider();
    }
}
