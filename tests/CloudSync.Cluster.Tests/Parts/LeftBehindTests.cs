// What lives on when just the process that a part is known by was killed, as an operator does with the id that `status` shows.

using System.Diagnostics;
using System.Globalization;
using CloudSync.Cluster.Parts;
using Xunit;

namespace CloudSync.Cluster.Tests.Parts;

public sealed class LeftBehindTests : IDisposable
{

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("cloudsync-test-");

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Delete(recursive: true);

    [Theory]
    [InlineData("sleep 600")]
    // As PostgreSQL's backends do.
    [InlineData("setsid sleep 600")]
    public async Task The_children_of_a_killed_server_are_found_and_ended_by_the_next_start(string child)
    {
        var script = $"{child} & : >ready; wait";
        var first = await StartAsync(script);
        var before = ServerProcess.AllOf("part", _folder.FullName);
        await KillOnlyAsync(first);
        var left = ServerProcess.AllOf("part", _folder.FullName);
        Assert.NotEmpty(left);
        Assert.Equal(before.Where(id => id != first.Id).Order(), left.Order());

        File.Delete(Path.Combine(_folder.FullName, "ready"));
        var second = await StartAsync(script);

        Assert.Empty(ServerProcess.AllOf("part", _folder.FullName).Intersect(left));
        await second.StopAsync();
        Assert.Empty(ServerProcess.AllOf("part", _folder.FullName));
    }

    [Fact]
    public async Task They_are_found_when_the_process_id_file_is_lost_and_the_log_was_renamed_or_removed()
    {
        var server = await StartAsync(": >ready; exec sleep 600");
        File.Delete(Path.Combine(_folder.FullName, "part.pid"));
        var log = Path.Combine(_folder.FullName, "part.log");
        File.Move(log, log + ".1");
        Assert.Equal([server.Id], ServerProcess.AllOf("part", _folder.FullName));
        File.Delete(log + ".1");
        Assert.Equal([server.Id], ServerProcess.AllOf("part", _folder.FullName));

        await ServerProcess.EndAllAsync("part", _folder.FullName);
        Assert.False(server.IsRunning);
    }

    [Fact]
    public async Task Who_reads_a_servers_log_or_works_in_its_folder_is_not_taken_for_it()
    {
        var server = await StartAsync(": >ready; exec sleep 600");
        using var reader = Process.Start(new ProcessStartInfo("tail", ["-f", server.LogFile]) { WorkingDirectory = _folder.FullName })!;
        try
        {
            Assert.Equal([server.Id], ServerProcess.AllOf("part", _folder.FullName));
            await server.KillAsync();
            Assert.False(reader.HasExited);
        }
        finally
        {
            reader.Kill();
        }
    }

    [Fact]
    public async Task NGINX_starts_again_on_its_port_when_only_its_master_was_killed()
    {
        var settings = new NginxSettings(_folder.FullName, ServerProcess.FreePort(), ServerProcess.FreePort(), "/nowhere", Detached: true);
        var first = await NginxServer.StartAsync(settings, [], Cancellation);
        await KillWithWorkersAsync(first.Process);
        Assert.True(await ServerProcess.ListensAsync(settings.Port, Cancellation));
        Assert.Null(NginxServer.Find(settings));

        var second = await NginxServer.StartAsync(settings, [], Cancellation);
        await KillWithWorkersAsync(second.Process);
        await ServerProcess.EndAllAsync(NginxServer.Name, settings.Folder);
        Assert.False(await ServerProcess.ListensAsync(settings.Port, Cancellation));
    }

    [Fact]
    public async Task PostgreSQL_starts_again_when_it_was_killed_and_nobody_has_reaped_it()
    {
        File.SetUnixFileMode(_folder.FullName, (UnixFileMode)0b111_101_101);
        var settings = new PostgresSettings("postgres", Path.Combine(_folder.FullName, "postgres"), ServerProcess.FreePort(), "secret", Detached: true);
        var first = await PostgresServer.StartAsync(settings, Cancellation);
        await KillOnlyAsync(first.Process);
        // A child of one that will never ask how it ended, in the place of a first process that is slow to.
        using var parent = Process.Start(new ProcessStartInfo("sh", ["-c", "true & echo $!; exec sleep 600"]) { RedirectStandardOutput = true })!;
        try
        {
            var zombie = await parent.StandardOutput.ReadLineAsync(Cancellation);
            var file = Path.Combine(settings.Folder, "data", "postmaster.pid");
            var lines = await File.ReadAllLinesAsync(file, Cancellation);
            lines[0] = zombie!;
            await File.WriteAllLinesAsync(file, lines, Cancellation);

            var second = await PostgresServer.StartAsync(settings, Cancellation);
            await second.StopAsync();
        }
        finally
        {
            parent.Kill();
        }
    }

    private async Task<ServerProcess> StartAsync(string script) => await ServerProcess.StartAsync(
        new ServerStart("part", _folder.FullName, ["sh", "-c", script]), detached: true,
        _ => Task.FromResult(File.Exists(Path.Combine(_folder.FullName, "ready"))), Cancellation);

    // It listens before it has any.
    private static async Task KillWithWorkersAsync(ServerProcess server)
    {
        await Eventually.IsAsync(() => server.Children().Any(), "it has no workers");
        await KillOnlyAsync(server);
    }

    private static async Task KillOnlyAsync(ServerProcess server)
    {
        using var kill = Process.Start("kill", ["-s", "KILL", server.Id.ToString(CultureInfo.InvariantCulture)]);
        await Eventually.IsAsync(() => !server.IsRunning, $"{server.Id} still runs");
    }
}
