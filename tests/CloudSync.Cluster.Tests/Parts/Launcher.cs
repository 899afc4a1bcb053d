// This test program in another role: a launcher that starts a server and waits to be killed.

using System.Runtime.CompilerServices;
using CloudSync.Cluster.Parts;

namespace CloudSync.Cluster.Tests.Parts;

internal static class Launcher
{
    public const string Variable = "CLOUDSYNC_TEST_LAUNCHER";

#pragma warning disable CA2255 // The test framework owns Main; this runs before it.
    [ModuleInitializer]
    public static void Run()
    {
        if (Environment.GetEnvironmentVariable(Variable) is not { } role)
            return;
        Environment.SetEnvironmentVariable(Variable, null);
        var parts = role.Split('|', 3);
        var start = new ServerStart("part", parts[0], ["sh", "-c", parts[2]]);
        ServerProcess.StartAsync(
            start, bool.Parse(parts[1]), _ => Task.FromResult(File.Exists(Path.Combine(parts[0], "ready"))), CancellationToken.None)
            .GetAwaiter().GetResult();
        Console.WriteLine("started");
        // Until it is killed; or, should who started it be gone before, until the pipe from there breaks.
        Console.In.ReadToEnd();
    }
}
