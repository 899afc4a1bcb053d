// How a server's process lives and dies, with small scripts in the place of a server.

using System.Diagnostics;
using System.Globalization;
using CloudSync.Cluster.Parts;
using Xunit;

namespace CloudSync.Cluster.Tests.Parts;

public sealed class ServerProcessTests : IDisposable
{
    // Says that it is there, and has a child, as many servers do.
    private const string Server = "sleep 600 & echo $! >child; touch ready; wait";

    private static readonly TimeSpan _patience = TimeSpan.FromMinutes(1);

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("cloudsync-test-");

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public void No_two_servers_are_given_the_same_port()
    {
        var ports = Enumerable.Range(0, 500).Select(static _ => ServerProcess.FreePort()).ToArray();
        Assert.Equal(ports.Length, ports.Distinct().Count());
    }

    [Fact]
    public async Task It_is_ready_when_it_answers_and_is_stopped_with_its_children()
    {
        await using var server = await StartAsync(Server, detached: false);
        Assert.True(server.IsRunning);
        var child = await ChildAsync();
        Assert.True(Runs(child));

        await server.StopAsync();

        Assert.False(server.IsRunning);
        await EndsAsync(child);
        Assert.Null(ServerProcess.Find("part", _folder.FullName));
    }

    [Fact]
    public async Task One_that_nobody_holds_any_more_runs_on_as_long_as_who_started_it()
    {
        var id = await StartAndForgetAsync();
        for (var i = 0; i < 3; i++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }

        // A second one, and its child, have come up since: time enough for the first to hear that its pipe is broken.
        await using (var other = await ServerProcess.StartAsync(
            new ServerStart("other", _folder.FullName, ["sh", "-c", "sleep 1; touch waited; sleep 600"]), detached: false,
            _ => Task.FromResult(File.Exists(Path.Combine(_folder.FullName, "waited"))), Cancellation))
            Assert.True(Runs(id));
        await ServerProcess.Find("part", _folder.FullName)!.KillAsync();

        async Task<int> StartAndForgetAsync() => (await StartAsync(Server, detached: false)).Id;
    }

    [Fact]
    public async Task Killing_it_kills_its_children()
    {
        await using var server = await StartAsync(Server, detached: false);
        var child = await ChildAsync();

        await server.KillAsync();

        Assert.False(server.IsRunning);
        await EndsAsync(child);
    }

    [Fact]
    public async Task One_that_does_not_listen_to_a_request_is_found_running_until_it_is_killed()
    {
        await using var server = await StartAsync("trap '' TERM; touch ready; while :; do sleep 1; done", detached: false);
        server.Send(Signals.Terminate);
        Assert.True(server.IsRunning);
        await server.KillAsync();
        Assert.False(server.IsRunning);
    }

    [Fact]
    public async Task Paused_it_and_its_children_stand_still_and_resumed_they_go_on()
    {
        await using var server = await StartAsync(Server, detached: false);
        var child = await ChildAsync();

        server.Pause();
        await StateAsync(server.Id, 'T');
        await StateAsync(child, 'T');
        Assert.True(server.IsRunning);

        server.Resume();
        await StateAsync(server.Id, 'S');
        await StateAsync(child, 'S');
    }

    [Fact]
    public async Task Paused_it_can_still_be_stopped()
    {
        await using var server = await StartAsync(Server, detached: false);
        server.Pause();
        await StateAsync(server.Id, 'T');
        await server.StopAsync();
        Assert.False(server.IsRunning);
    }

    [Fact]
    public async Task One_that_ends_at_start_is_named_with_the_end_of_its_log()
    {
        var failure = await Assert.ThrowsAsync<ServerStartException>(() => StartAsync("echo the disk is full; exit 3", detached: false));
        Assert.Contains("part ended at start", failure.Message, StringComparison.Ordinal);
        Assert.Contains("the disk is full", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task However_soon_it_ends_it_is_known_to_have_ended()
    {
        for (var i = 0; i < 50; i++)
        {
            var failure = await Assert.ThrowsAsync<ServerStartException>(() => ServerProcess.StartAsync(
                new ServerStart("part", _folder.FullName, ["true"]), detached: i % 2 == 0, _ => Task.FromResult(false), Cancellation));
            Assert.Contains("part ended at start", failure.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task A_start_that_is_given_up_leaves_nothing_running()
    {
        using var given = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        var starting = ServerProcess.StartAsync(
            New("echo $$ >child; exec sleep 600"), detached: true, _ => Task.FromResult(false), given.Token);
        var child = await ChildAsync();
        await given.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => starting);
        await EndsAsync(child);
        Assert.Null(ServerProcess.Find("part", _folder.FullName));
    }

    [Fact]
    public async Task A_process_that_was_given_a_dead_ones_id_is_not_taken_for_it()
    {
        await using var server = await StartAsync(Server, detached: false);
        Assert.Equal(server.Id, ServerProcess.Find("part", _folder.FullName)!.Id);

        // The same id, but another start.
        await File.WriteAllTextAsync(Path.Combine(_folder.FullName, "part.pid"), $"{server.Id} 1\n", Cancellation);

        Assert.Null(ServerProcess.Find("part", _folder.FullName));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Detached_it_outlives_who_started_it_and_otherwise_dies_with_it_however_that_ends(bool detached)
    {
        using var launcher = await LaunchAsync(detached);
        var server = ServerProcess.Find("part", _folder.FullName)!;
        var child = await ChildAsync();

        launcher.Kill();
        await launcher.WaitForExitAsync(Cancellation);

        if (detached)
        {
            Assert.True(server.IsRunning);
            await server.StopAsync();
        }

        await EndsAsync(server.Id);
        await EndsAsync(child);
    }

    [Fact]
    public async Task It_dies_with_who_started_it_even_if_a_signal_goes_to_the_whole_process_group()
    {
        using var launcher = await LaunchAsync(detached: false);
        var server = ServerProcess.Find("part", _folder.FullName)!;
        var child = await ChildAsync();

        using var kill = Process.Start("kill", ["-s", "TERM", "--", $"-{launcher.Id}"]);
        await launcher.WaitForExitAsync(Cancellation);

        await EndsAsync(server.Id);
        await EndsAsync(child);
    }

    // Another process starts it: this test program, in the role of a launcher, and in a process group of its own.
    private async Task<Process> LaunchAsync(bool detached)
    {
        var start = new ProcessStartInfo("setsid") { RedirectStandardInput = true, RedirectStandardOutput = true };
        start.ArgumentList.Add(Environment.ProcessPath!);
        start.Environment[Launcher.Variable] = $"{_folder.FullName}|{detached}|{Server}";
        var launcher = Process.Start(start)!;
        Assert.Equal("started", await launcher.StandardOutput.ReadLineAsync(Cancellation).AsTask().WaitAsync(_patience, Cancellation));
        return launcher;
    }

    private ServerStart New(string script) => new("part", _folder.FullName, ["sh", "-c", script]);

    private Task<ServerProcess> StartAsync(string script, bool detached) => ServerProcess.StartAsync(
        New(script), detached, _ => Task.FromResult(File.Exists(Path.Combine(_folder.FullName, "ready"))), Cancellation);

    private async Task<int> ChildAsync()
    {
        var file = Path.Combine(_folder.FullName, "child");
        var id = 0;
        await Eventually.IsAsync(() => File.Exists(file) && int.TryParse(File.ReadAllText(file), CultureInfo.InvariantCulture, out id), "there is no child");
        return id;
    }

    private static Task EndsAsync(int id) => Eventually.IsAsync(() => !Runs(id), $"{id} still runs");

    private static Task StateAsync(int id, char state) => Eventually.IsAsync(() => StateOf(id) == state, $"{id} is not in state {state}");

    private static bool Runs(int id) => StateOf(id) is not ('Z' or ' ');

    private static char StateOf(int id)
    {
        try
        {
            var stat = File.ReadAllText($"/proc/{id}/stat");
            return stat[stat.LastIndexOf(')') + 2];
        }
        catch (IOException)
        {
            return ' ';
        }
    }
}
