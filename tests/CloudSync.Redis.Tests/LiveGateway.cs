// A whole gateway in this process: Kestrel on a free port, a SQLite log that it shares with others as if they were other
// processes, and Redis.

using System.Collections.Concurrent;
using System.Net;
using CloudSync.Client;
using CloudSync.Documents;
using CloudSync.Fanout;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace CloudSync.Redis.Tests;

internal sealed class LiveGateway : IAsyncDisposable
{
    private readonly WebApplication _app;

    private LiveGateway(WebApplication app, LogLines lines) => (_app, Lines) = (app, lines);

    /// <summary>What it wrote to the application's log, from warnings on, and of Redis from information on.</summary>
    public LogLines Lines { get; }

    public IFanout Fanout => Get<IFanout>();

    public DocumentService Documents => Get<DocumentService>();

    /// <summary>Where it listens.</summary>
    public int Port => new Uri(_app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First()).Port;

    /// <param name="database">The log.</param>
    /// <param name="servers">CloudSync:Redis:Servers.</param>
    /// <param name="configure">Changes options.</param>
    /// <param name="redis">Changes options of Redis.</param>
    /// <param name="through">Stands between the documents and the fan-out.</param>
    public static async Task<LiveGateway> StartAsync(
        string database, IEnumerable<string> servers, Action<CloudSyncOptions>? configure = null,
        Action<RedisOptions>? redis = null, Func<IFanout, IFanout>? through = null)
    {
        var lines = new LogLines();
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.Logging.AddProvider(lines);
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0));
        builder.Services.AddCloudSync(options =>
        {
            // So seldom that only what is tested can be the cause.
            options.HeadCheckInterval = TimeSpan.FromHours(1);
            configure?.Invoke(options);
        }).UseSqlite(database).UseRedis(options =>
        {
            foreach (var server in servers)
                options.Servers.Add(server);
            options.ProbeInterval = TimeSpan.FromMilliseconds(200);
            options.ProbeTimeout = TimeSpan.FromSeconds(2);
            redis?.Invoke(options);
        });
        if (through is not null)
        {
            var inner = builder.Services.Last(service => service.ServiceType == typeof(IFanout));
            builder.Services.AddSingleton(provider => through((IFanout)inner.ImplementationFactory!(provider)));
        }

        var app = builder.Build();
        app.MapCloudSync("/sync");
        await app.StartAsync();
        return new LiveGateway(app, lines);
    }

    public T Get<T>() where T : notnull => _app.Services.GetRequiredService<T>();

    /// <summary>Waits until the fan-out is healthy, or isn't.</summary>
    public async Task BecomesAsync(bool healthy)
    {
        using var changed = new SemaphoreSlim(0);
        void OnChanged() => changed.Release();
        Fanout.HealthChanged += OnChanged;
        while (Fanout.IsHealthy != healthy)
        {
            if (!await changed.WaitAsync(TimeSpan.FromSeconds(60)))
                throw new TimeoutException($"It didn't become healthy: {healthy}.");
        }

        Fanout.HealthChanged -= OnChanged;
    }

    /// <summary>Somebody who has a document open on this gateway.</summary>
    /// <param name="documentId">The document.</param>
    /// <param name="name">Who.</param>
    /// <param name="through">A line to this gateway, or to another in the end.</param>
    public async Task<Person> JoinAsync(string documentId, string name, CuttableLine? through = null)
    {
        var address = through?.ConnectionString ?? $"127.0.0.1:{Port}";
        var client = new CloudSyncClient(new Uri($"ws://{address}/sync"), new CloudSyncClientOptions { User = new User(name, name, "#336699") });
        return new Person(client, await client.OpenAsync(documentId));
    }

    /// <summary>Stops as it does when it is told to: everybody moves, what was taken is committed.</summary>
    public Task DrainAsync() => _app.StopAsync(CancellationToken.None);

    public async ValueTask DisposeAsync()
    {
        // A stop of its own would drain.
        using var now = new CancellationTokenSource();
        await now.CancelAsync();
        await _app.StopAsync(now.Token);
        await _app.DisposeAsync();
    }
}

/// <summary>One client with one document open.</summary>
internal sealed class Person(CloudSyncClient client, CollaborativeDocument document) : IDisposable
{
    public CollaborativeDocument Document => document;

    public string Text => document.ToPlainText();

    public void Type(string text) => document.Edit(() => Operations.Delta.Build().Insert(text).ToDelta());

    public bool Sees(string name) => document.Presence.Any(entry => entry.User.Name == name);

    /// <summary>Waits until this person's screen shows something.</summary>
    public async Task SeesAsync(Func<bool> condition, string what)
    {
        using var changed = new SemaphoreSlim(0);
        void OnChanged() => changed.Release();
        void OnEdited(DocumentChange change) => changed.Release();
        document.PresenceChanged += OnChanged;
        document.Changed += OnEdited;
        try
        {
            while (!condition())
            {
                if (!await changed.WaitAsync(TimeSpan.FromSeconds(60)))
                    throw new TimeoutException($"{client.User.Name} waits for {what}, at version {document.Version}: '{Text}'.");
            }
        }
        finally
        {
            document.PresenceChanged -= OnChanged;
            document.Changed -= OnEdited;
        }
    }

    public Task ReadsAsync(string text) => SeesAsync(() => Text.Contains(text, StringComparison.Ordinal), text);

    public void Dispose() => client.Dispose();
}

/// <summary>The lines that a gateway has logged.</summary>
internal sealed class LogLines : ILoggerProvider
{
    private readonly ConcurrentQueue<(int Id, string Text)> _lines = new();
    private readonly SemaphoreSlim _added = new(0);

    public IEnumerable<string> Of(int eventId) => _lines.Where(line => line.Id == eventId).Select(line => line.Text);

    /// <summary>Waits for a line.</summary>
    public async Task HasAsync(int eventId, CancellationToken cancellationToken)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        patience.CancelAfter(TimeSpan.FromSeconds(60));
        while (!Of(eventId).Any())
            await _added.WaitAsync(patience.Token);
    }

    public ILogger CreateLogger(string categoryName) => new Logger(this);

    public void Dispose()
    {
    }

    private sealed class Logger(LogLines lines) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Information;

        public void Log<TState>(
            LogLevel logLevel, EventId eventId, TState state, Exception? exception,
            Func<TState, Exception?, string> formatter)
        {
            lines._lines.Enqueue((eventId.Id, formatter(state, exception)));
            lines._added.Release();
        }
    }
}
