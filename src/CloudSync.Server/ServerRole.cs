// What of CloudSync this process does: setting CloudSync:Role.

using Microsoft.Extensions.Options;

namespace CloudSync.Server;

internal enum ServerRole
{
    /// <summary>Everything: a server that is alone, or one of several equal ones.</summary>
    All,

    /// <summary>Serves clients, REST and the web app; delivers nothing.</summary>
    Gateway,

    /// <summary>Delivers what was committed; serves nobody but those who look after it.</summary>
    Worker,
}

internal static class ServerRoles
{
    public const string Setting = "CloudSync:Role";

    public static ServerRole Read(IConfiguration configuration) => configuration[Setting]?.ToLowerInvariant() switch
    {
        null or "" or "all" => ServerRole.All,
        "gateway" => ServerRole.Gateway,
        "worker" => ServerRole.Worker,
        var other => throw new OptionsValidationException(
            Setting, typeof(ServerRole), [$"{Setting} is '{other}'; it must be all, gateway or worker."]),
    };
}
