// A CloudSync server in this process: Kestrel on a free port, the log in a temporary SQLite file.

using CloudSync.Documents;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace CloudSync.Client.Tests;

internal sealed class RealServer : IAsyncDisposable
{
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("cloudsync-client-tests-");
    private WebApplication? _app;

    /// <summary>Checks the tokens of clients; null: nobody does.</summary>
    public ICloudSyncAuthenticator? Authenticator { get; set; }

    public DocumentService Documents => _app!.Services.GetRequiredService<DocumentService>();

    public Uri Endpoint { get; private set; } = new("http://127.0.0.1:0");

    public async Task StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        // The first time on any free port; after that on the same, so that clients find it again.
        builder.WebHost.UseUrls(Endpoint.GetLeftPart(UriPartial.Authority));
        builder.Services
            .AddCloudSync(options => options.DrainWindow = TimeSpan.FromMilliseconds(100))
            .UseSqlite(Path.Combine(_directory.FullName, "cloudsync.db"));
        if (Authenticator is not null)
            builder.Services.AddSingleton(Authenticator);
        _app = builder.Build();
        _app.MapCloudSync("/sync");
        await _app.StartAsync();
        Endpoint = new Uri(new Uri(_app.Urls.First()), "/sync");
    }

    public async Task StopAsync()
    {
        await _app!.StopAsync();
        await _app.DisposeAsync();
        _app = null;
    }

    public async ValueTask DisposeAsync()
    {
        if (_app is not null)
            await StopAsync();
        _directory.Delete(recursive: true);
    }
}
