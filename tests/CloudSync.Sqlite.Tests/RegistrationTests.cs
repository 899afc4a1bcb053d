// The log as part of a host.

using CloudSync.Log;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Xunit;

namespace CloudSync.Sqlite.Tests;

public sealed class RegistrationTests : IDisposable
{
    private readonly TemporaryDirectory directory = new();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose() => directory.Dispose();

    [Fact]
    public async Task The_file_is_opened_when_the_host_starts_and_closed_when_it_is_disposed()
    {
        using (var host = Build())
        {
            Assert.False(File.Exists(directory.File()));
            await host.StartAsync(Cancellation);
            Assert.True(File.Exists(directory.File()));
            var log = host.Services.GetRequiredService<IOperationLog>();
            await log.CreateAsync(new NewDocument("a", "text", "", DateTimeOffset.UnixEpoch, ""), Cancellation);
            await host.StopAsync(Cancellation);
        }

        Assert.Equal([directory.File()], Directory.GetFiles(directory.Path));
    }

    [Fact]
    public async Task A_host_whose_file_can_not_be_used_does_not_start()
    {
        Directory.CreateDirectory(directory.File());
        using var host = Build();

        await Assert.ThrowsAsync<LogUnusableException>(() => host.StartAsync(Cancellation));
    }

    [Fact]
    public async Task Mapping_the_endpoint_does_not_open_the_file_yet()
    {
        Directory.CreateDirectory(directory.File());
        var builder = WebApplication.CreateSlimBuilder();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.Services.AddCloudSync().UseSqlite(directory.File());
        await using var app = builder.Build();
        app.MapCloudSync();

        await Assert.ThrowsAsync<LogUnusableException>(() => app.StartAsync(Cancellation));
    }

    private IHost Build()
    {
        var builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Services.AddCloudSync().UseSqlite(directory.File());
        return builder.Build();
    }
}
