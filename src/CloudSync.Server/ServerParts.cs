// Which parts this process is made of: the embedded ones, unless the configuration names servers.

using CloudSync.Delivery;
using Microsoft.Extensions.Options;

namespace CloudSync.Server;

internal static class ServerParts
{
    private const string PostgreSql = "CloudSync:PostgreSql";
    private const string Redis = "CloudSync:Redis";
    private const string RabbitMq = "CloudSync:RabbitMq";

    /// <summary>Adds the log, the fan-out and delivery.</summary>
    /// <exception cref="OptionsValidationException">The role can't do with the parts that are named.</exception>
    /// <exception cref="DataDirectoryException">The log is a file, and there can be no folder for it.</exception>
    public static void AddParts(
        this CloudSyncBuilder cloudSync, IConfiguration configuration, ServerRole role, ServerSettings settings)
    {
        var postgreSql = configuration.GetSection(PostgreSql);
        if (postgreSql.Exists() && string.IsNullOrWhiteSpace(postgreSql["ConnectionString"]))
        {
            throw new OptionsValidationException(
                PostgreSql, typeof(string), [$"{PostgreSql}:ConnectionString is missing; it says where the database is."]);
        }

        if (postgreSql.Exists())
            cloudSync.UsePostgreSql(options => postgreSql.Bind(options));
        else if (role == ServerRole.All)
            cloudSync.UseSqlite(DatabaseFile(settings));
        else
        {
            throw new OptionsValidationException(
                ServerRoles.Setting, typeof(ServerRole),
                [$"{ServerRoles.Setting} is {role.ToString().ToLowerInvariant()}, which is for several processes on one log: set {PostgreSql}:ConnectionString."]);
        }

        // A worker commits nothing that a gateway has to hear of, and has nobody connected who would hear of theirs.
        if (configuration.GetSection(Redis).Exists() && role != ServerRole.Worker)
            cloudSync.UseRedis();
        // Before what the configuration says, so that this is only the default.
        cloudSync.Services.Configure<DeliveryOptions>(delivery =>
        {
            delivery.Folder = Path.Combine(settings.Data.FullName, "delivery");
            delivery.RunsHere = role != ServerRole.Gateway;
        });
        cloudSync.AddDelivery();
        if (configuration.GetSection(RabbitMq).Exists())
            cloudSync.UseRabbitMq();
    }

    private static string DatabaseFile(ServerSettings settings)
    {
        try
        {
            settings.Data.Create();
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new DataDirectoryException(exception.Message, exception);
        }

        return Path.Combine(settings.Data.FullName, "cloudsync.db");
    }
}

/// <summary>The folder for the database can't be made.</summary>
internal sealed class DataDirectoryException(string reason, Exception inner)
    : Exception($"the data directory can't be made: {reason}", inner);
