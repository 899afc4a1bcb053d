// The program put together: the library, its parts, REST, the web app; of a worker, only what looks after it.

using System.Net;
using System.Net.Sockets;
using CloudSync.Server.Rest;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.Options;

namespace CloudSync.Server;

internal static class ServerApplication
{
    // As many as Linux allows unless it is told otherwise.
    private const int Backlog = 4_096;

    /// <param name="settings">From the command line.</param>
    /// <param name="configure">Changes the builder before the application is built; for tests.</param>
    /// <param name="configuration">More settings; for tests.</param>
    public static WebApplication Build(
        ServerSettings settings, Action<WebApplicationBuilder>? configure = null,
        IEnumerable<KeyValuePair<string, string?>>? configuration = null)
    {
        var builder = WebApplication.CreateBuilder(new WebApplicationOptions
        {
            // Beside the program: where it is started from is no place for settings.
            ContentRootPath = AppContext.BaseDirectory,
            ApplicationName = typeof(ServerApplication).Assembly.GetName().Name,
        });
        builder.Configuration.AddInMemoryCollection(configuration);
        // A name that a foreign page has made to point here would make that page ours (DNS rebinding). Whoever listens on
        // more than this machine has names of their own, and sets them.
        if (settings.Host == "localhost")
            builder.Configuration["AllowedHosts"] ??= "localhost;127.0.0.1;[::1]";
        var startup = new Startup();
        builder.Services.AddSingleton(startup);
        // Standard output is for the one line that says where the server is.
        builder.Logging.AddConsole(static console => console.LogToStandardErrorThreshold = LogLevel.Trace);
        // A failed start is told in one line by the command line; the framework would add pages about it.
        builder.Services.PostConfigure<LoggerFilterOptions>(filters =>
        {
            for (var i = 0; i < filters.Rules.Count; i++)
                filters.Rules[i] = startup.QuietUntilOver(filters.Rules[i]);
        });
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            Listen(kestrel, settings);
        });
        builder.WebHost.UseCloudSyncSockets();
        // In a storm thousands come within a moment, and are accepted in turns.
        builder.Services.Configure<SocketTransportOptions>(static sockets => sockets.Backlog = Backlog);

        var role = ServerRoles.Read(builder.Configuration);
        builder.Services.AddCloudSync().AddParts(builder.Configuration, role, settings);
        builder.Services.AddTrustedProxies(builder.Configuration);
        builder.Services.AddRest();
        builder.Services.AddHealth();
        // Stopping drains first; what is left then has a moment to end.
        builder.Services.AddOptions<HostOptions>().Configure<IOptions<CloudSyncOptions>>(static (host, cloudSync) =>
            host.ShutdownTimeout = cloudSync.Value.DrainWindow + TimeSpan.FromSeconds(10));
        configure?.Invoke(builder);

        var app = builder.Build();
        app.UseTrustedProxies();
        app.Use(static (context, next) =>
        {
            context.Response.Headers.XContentTypeOptions = "nosniff";
            return next(context);
        });
        app.UseRestErrors();
        app.MapHealth(role);
        if (role == ServerRole.Worker)
            return app;
        app.UseWebApp(settings.Web);
        app.MapCloudSync("/sync");
        app.MapRest();
        return app;
    }

    /// <summary>From here on the log says everything again.</summary>
    public static void ReportStarted(WebApplication app) => app.Services.GetRequiredService<Startup>().IsOver = true;

    /// <summary>Where a browser on this machine finds the application, once it has started.</summary>
    public static string AddressOf(WebApplication app)
    {
        var address = app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!
            .Addresses.First();
        var bound = BindingAddress.Parse(address);
        return bound.Host is "127.0.0.1" or "[::1]" or "[::]" or "0.0.0.0" ? $"http://localhost:{bound.Port}" : address;
    }

    private static void Listen(Microsoft.AspNetCore.Server.Kestrel.Core.KestrelServerOptions kestrel, ServerSettings settings)
    {
        if (!ListenAddress.TryParse(settings.Host, out var listen))
            throw new ArgumentException($"'{settings.Host}' is not an address.", nameof(settings));
        // "localhost" is two addresses, and the system hands out a free port for one.
        if (listen.IsLocalhost && settings.Port != 0)
            kestrel.ListenLocalhost(settings.Port);
        else if (listen.Address.Equals(IPAddress.IPv6Any))
            kestrel.ListenAnyIP(settings.Port);
        else
            kestrel.Listen(listen.Address, settings.Port);
    }

    private sealed class Startup
    {
        public volatile bool IsOver;

        public LoggerFilterRule QuietUntilOver(LoggerFilterRule rule) => new(
            rule.ProviderName, rule.CategoryName, rule.LogLevel,
            (provider, category, level) =>
                (IsOver || category?.StartsWith("Microsoft.", StringComparison.Ordinal) != true)
                && rule.Filter?.Invoke(provider, category, level) != false);
    }
}
