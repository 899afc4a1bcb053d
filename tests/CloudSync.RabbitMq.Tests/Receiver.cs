// A webhook's receiver: a real HTTP server that answers as a test tells it to.

using System.Collections.Concurrent;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace CloudSync.RabbitMq.Tests;

internal sealed record Received(string Document, string Versions, string Signature, byte[] Body);

internal sealed class Receiver : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly SemaphoreSlim _arrived = new(0);

    private Receiver(WebApplication app) => _app = app;

    public ConcurrentQueue<Received> Accepted { get; } = new();

    public string Url => _app.Urls.First() + "/hook";

    /// <summary>Says with which status a request is answered.</summary>
    public Func<Received, HttpContext, Task<int>> Answer { get; set; } = static (_, _) => Task.FromResult(204);

    public static async Task<Receiver> StartAsync(int port = 0)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls($"http://127.0.0.1:{port}");
        var app = builder.Build();
        var receiver = new Receiver(app);
        app.MapPost("/hook", receiver.ReceiveAsync);
        app.MapPost("/elsewhere", static context =>
        {
            context.Response.StatusCode = 200;
            return Task.CompletedTask;
        });
        await app.StartAsync();
        return receiver;
    }

    public async Task AcceptAsync(int count)
    {
        while (Accepted.Count < count)
        {
            if (!await _arrived.WaitAsync(TimeSpan.FromSeconds(60)))
                throw new TimeoutException($"Waited a minute for {count} requests; {Accepted.Count} came.");
        }
    }

    public ValueTask DisposeAsync() => _app.DisposeAsync();

    private async Task ReceiveAsync(HttpContext context)
    {
        using var body = new MemoryStream();
        await context.Request.Body.CopyToAsync(body);
        var headers = context.Request.Headers;
        var received = new Received(
            headers["CloudSync-Document"]!, headers["CloudSync-Versions"]!, headers["CloudSync-Signature"]!, body.ToArray());
        var status = await Answer(received, context);
        context.Response.StatusCode = status;
        if (status is >= 200 and < 300)
            Accepted.Enqueue(received);
        _arrived.Release();
    }
}
