// A server program, started as a process in a folder of its own, and known by its process id.
//
// Two ways to live: a test's server dies with the test, however that ends; a cluster's goes on when the launcher has ended.

using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace CloudSync.Cluster.Parts;

/// <summary>What to start.</summary>
/// <param name="Name">Names its log and its process id file, and the part in messages.</param>
/// <param name="Folder">Where both are kept, and the working folder.</param>
/// <param name="Command">The program and its arguments.</param>
/// <param name="Environment">Added to this process's.</param>
/// <param name="User">Who runs it if we are root, for programs that refuse to run as root; empty for the same user.</param>
public sealed record ServerStart(
    string Name, string Folder, IReadOnlyList<string> Command, IReadOnlyDictionary<string, string>? Environment = null,
    string User = "");

/// <summary>A server program that runs.</summary>
public sealed class ServerProcess : IAsyncDisposable
{
    private const int FirstPort = 20_000;
    private const int LastPort = 32_000;
    private const long LogBytes = 16 << 20;

    private static readonly HashSet<int> _givenPorts = [];
    private static readonly TimeSpan _startPatience = TimeSpan.FromSeconds(120);
    private static readonly TimeSpan _stopPatience = TimeSpan.FromSeconds(30);

    // In a session of its own, so that a Ctrl-C at the terminal isn't meant for it, and so that its children can be ended
    // with it. The process id stands in a file together with the moment of its start: ids are used again. It writes both
    // itself before it becomes the program, because nobody else can be sure to look before it has ended.
    private const string Start =
        """
        setsid sh -c 't=$(cut -d" " -f22 /proc/$$/stat); echo "$$ $t" >"$CLOUDSYNC_PID_FILE"; exec "$@"' sh "$@" </dev/null & p=$!;
        """;

    // Until the pipe to the shell's standard input breaks, which it does when whoever started it is gone, however. A signal
    // that is meant for him and reaches us too, as all of a process group, must not end the watch before that.
    // The log is the server's: who writes to it is taken for a part of it.
    private const string DieWithParent =
        """
        exec >/dev/null 2>&1; trap '' HUP INT TERM; t=$(cut -d' ' -f22 /proc/$p/stat); exec 3<&0; (cat <&3; [ -n "$t" ] && [ "$(cut -d' ' -f22 /proc/$p/stat)" = "$t" ] && kill -s KILL -- -$p) & wait $p
        """;

    private readonly ServerStart _start;
    private readonly Process? _watcher;
    private readonly ProcessIdentity _identity;

    // A watcher that was collected would close its pipe, and the server would die of that: whoever forgets the server while
    // it runs has not ended it.
    private static readonly ConcurrentDictionary<Process, ServerProcess> _watched = new();

    private ServerProcess(ServerStart start, Process? watcher, ProcessIdentity identity)
    {
        (_start, _watcher, _identity) = (start, watcher, identity);
        if (watcher is not null)
            _watched[watcher] = this;
    }

    /// <summary>The process id.</summary>
    public int Id => _identity.Id;

    /// <summary>What it wrote to both its outputs.</summary>
    public string LogFile => LogFileOf(_start);

    /// <summary>Whether it runs.</summary>
    public bool IsRunning => _identity.IsRunning;

    /// <summary>Starts a program and waits until it answers. What an earlier one left behind is ended first.</summary>
    /// <param name="start">What.</param>
    /// <param name="detached">True: it outlives this process. False: it dies with it.</param>
    /// <param name="answers">Whether it can be used by now.</param>
    /// <param name="cancellationToken">Cancels the wait, and ends the program.</param>
    /// <exception cref="ServerStartException">It ended, or took too long; with the end of its log.</exception>
    public static async Task<ServerProcess> StartAsync(
        ServerStart start, bool detached, Func<CancellationToken, Task<bool>> answers, CancellationToken cancellationToken)
    {
        Directory.CreateDirectory(start.Folder);
        await EndAllAsync(start.Name, start.Folder);
        BoundLog(LogFileOf(start));
        var pidFile = PidFileOf(start);
        using var shell = detached ? Launch(start, Start) : null;
        var watcher = detached ? null : Launch(start, Start + " " + DieWithParent);
        var patience = Stopwatch.StartNew();
        ProcessIdentity? identity = null;
        try
        {
            while (true)
            {
                identity ??= ProcessIdentity.Read(pidFile);
                // What nobody knows the id of could not be ended.
                if (identity is { } started)
                {
                    cancellationToken.ThrowIfCancellationRequested();
                    if (!started.IsRunning)
                        throw new ServerStartException($"{start.Name} ended at start. {LastLines(start)}");
                    if (await answers(cancellationToken))
                        return new ServerProcess(start, watcher, started);
                }

                if (patience.Elapsed > _startPatience)
                    throw new ServerStartException($"{start.Name} doesn't answer after {_startPatience.TotalSeconds:0} s. {LastLines(start)}");
                await Task.Delay(20, identity is null ? CancellationToken.None : cancellationToken);
            }
        }
        catch
        {
            identity?.KillTree();
            await EndAllAsync(start.Name, start.Folder);
            watcher?.Dispose();
            throw;
        }
    }

    /// <summary>One that was started detached and still runs; null if it doesn't.</summary>
    public static ServerProcess? Find(string name, string folder)
    {
        var start = new ServerStart(name, folder, []);
        return ProcessIdentity.Read(PidFileOf(start)) is { IsRunning: true } identity
            ? new ServerProcess(start, null, identity)
            : null;
    }

    /// <summary>
    /// The ids of all processes that were started under a name, the server's own among them: when it was killed, those that it
    /// had started may live on, and hold its port.
    /// </summary>
    public static IReadOnlyList<int> AllOf(string name, string folder)
    {
        var start = new ServerStart(name, folder, []);
        return [.. PartProcesses.Find(LogFileOf(start), SessionOf(start)).Select(static process => process.Id)];
    }

    /// <summary>Ends all of <see cref="AllOf"/> at once.</summary>
    /// <exception cref="ServerStartException">Some can't be ended; says which.</exception>
    public static async Task EndAllAsync(string name, string folder)
    {
        var start = new ServerStart(name, folder, []);
        await PartProcesses.EndAsync(name, LogFileOf(start), SessionOf(start));
        if (Directory.Exists(folder))
            File.Delete(PidFileOf(start));
    }

    /// <summary>Asks it to end, and ends it if it takes too long.</summary>
    /// <param name="signal">What it takes for a request: SIGTERM for most.</param>
    public async Task StopAsync(int signal = Signals.Terminate)
    {
        var tree = _identity.Tree();
        Send(Signals.Continue, tree);
        _identity.Send(signal);
        var patience = Stopwatch.StartNew();
        while (IsRunning)
        {
            if (patience.Elapsed > _stopPatience)
                _identity.KillTree();
            await Task.Delay(10);
        }

        // What it left behind when it went.
        Send(Signals.Kill, tree);
        await ForgetAsync();
    }

    /// <summary>Ends it at once, with its children, as if its machine had died.</summary>
    public async Task KillAsync()
    {
        var tree = _identity.Tree();
        Send(Signals.Kill, tree);
        // Its children too: another one can't take its place in the folder before the last of them is gone.
        while (tree.Any(static process => process.IsRunning))
            await Task.Delay(5);
        await ForgetAsync();
    }

    /// <summary>
    /// Stops its clock and its children's: they keep their connections and do nothing until <see cref="Resume"/>.
    /// </summary>
    public void Pause() => Send(Signals.Pause, _identity.Tree());

    /// <summary>Lets it go on.</summary>
    public void Resume() => Send(Signals.Continue, _identity.Tree());

    public void Send(int signal) => _identity.Send(signal);

    /// <summary>The ids of the processes that it has started, and those have.</summary>
    public IEnumerable<int> Children() => _identity.Tree().Skip(1).Select(static process => process.Id);

    public async ValueTask DisposeAsync()
    {
        if (_watcher is null)
            return;
        await KillAsync();
        _watcher.Dispose();
    }

    /// <summary>
    /// A TCP port of this machine that nobody has just now. Not one of those that the system hands out to outgoing
    /// connections: a client that tries to come back could be given the very port that it tries to reach. Never the same
    /// twice, since who has asked for one may not listen there yet.
    /// </summary>
    public static int FreePort()
    {
        while (true)
        {
            using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            try
            {
                var port = Random.Shared.Next(FirstPort, LastPort);
                socket.Bind(new IPEndPoint(IPAddress.Loopback, port));
                if (Give(port))
                    return port;
            }
            catch (SocketException exception) when (exception.SocketErrorCode == SocketError.AddressAlreadyInUse)
            {
                // The next one.
            }
        }
    }

    private static bool Give(int port)
    {
        lock (_givenPorts)
        {
            // Whoever was given one of the first has long used it.
            if (_givenPorts.Count > (LastPort - FirstPort) / 2)
                _givenPorts.Clear();
            return _givenPorts.Add(port);
        }
    }

    /// <summary>Whether somebody listens on a port of this machine.</summary>
    public static async Task<bool> ListensAsync(int port, CancellationToken cancellationToken)
    {
        using var client = new TcpClient();
        try
        {
            await client.ConnectAsync(IPAddress.Loopback, port, cancellationToken);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    private async Task ForgetAsync()
    {
        await EndAllAsync(_start.Name, _start.Folder);
        if (_watcher is not null)
            _watched.TryRemove(_watcher, out _);
    }

    // It is the first of its session; the id isn't used again while somebody is in it.
    private static int SessionOf(ServerStart start) =>
        ProcessIdentity.Read(PidFileOf(start)) is { } identity && (identity.IsRunning || !Directory.Exists($"/proc/{identity.Id}"))
            ? identity.Id
            : 0;

    private static string PidFileOf(ServerStart start) => Path.Combine(start.Folder, start.Name + ".pid");

    private static string LogFileOf(ServerStart start) => Path.Combine(start.Folder, start.Name + ".log");

    private static string LastLines(ServerStart start)
    {
        var log = LogFileOf(start);
        return File.Exists(log) ? $"The end of {log}: {string.Join(" | ", File.ReadLines(log).TakeLast(8))}" : "";
    }

    private static Process Launch(ServerStart start, string script)
    {
        var shell = new ProcessStartInfo("/bin/sh") { WorkingDirectory = start.Folder, RedirectStandardInput = true };
        // The outputs go to a file and not through this process, so that a server outlives it.
        shell.ArgumentList.Add("-c");
        shell.ArgumentList.Add($"exec >>\"$CLOUDSYNC_LOG_FILE\" 2>&1; {script}");
        shell.ArgumentList.Add("sh");
        if (start.User.Length > 0 && Environment.UserName == "root")
        {
            foreach (var argument in (ReadOnlySpan<string>)["setpriv", $"--reuid={start.User}", $"--regid={start.User}", "--init-groups", "--"])
                shell.ArgumentList.Add(argument);
        }

        foreach (var argument in start.Command)
            shell.ArgumentList.Add(argument);
        foreach (var (name, value) in start.Environment ?? new Dictionary<string, string>())
            shell.Environment[name] = value;
        shell.Environment["CLOUDSYNC_PID_FILE"] = PidFileOf(start);
        shell.Environment["CLOUDSYNC_LOG_FILE"] = LogFileOf(start);
        return Process.Start(shell)!;
    }

    // Two logs are kept, so that a cluster which is started for years doesn't fill its disk.
    private static void BoundLog(string log)
    {
        if (File.Exists(log) && new FileInfo(log).Length > LogBytes)
            File.Move(log, log + ".1", overwrite: true);
    }

    private static void Send(int signal, IEnumerable<ProcessIdentity> processes)
    {
        foreach (var process in processes)
            process.Send(signal);
    }
}

/// <summary>A server program didn't start; says which and why.</summary>
public sealed class ServerStartException(string message) : Exception(message);
