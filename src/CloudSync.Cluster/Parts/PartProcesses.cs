// All processes of a part, also those that live on when the one that the part is known by was killed: workers of NGINX, the
// port mapper of RabbitMQ, backends of PostgreSQL.

using System.Runtime.InteropServices;

namespace CloudSync.Cluster.Parts;

/// <summary>Finds and ends whatever writes to a part's log.</summary>
internal static partial class PartProcesses
{
    private static readonly TimeSpan _endPatience = TimeSpan.FromSeconds(30);

    /// <summary>Those that run.</summary>
    /// <param name="logFile">
    /// All that a server starts inherit its outputs, and nobody else writes there. That is truer than who started whom, which is
    /// forgotten when one of them dies, and than the session, which PostgreSQL's backends leave.
    /// </param>
    /// <param name="session">
    /// The id of the session that the server was started in; 0 if it isn't known. It counts for processes whose outputs we may
    /// not look at: those of another user, for a root without all rights.
    /// </param>
    public static IReadOnlyList<ProcessIdentity> Find(string logFile, int session)
    {
        if (RealPath(Path.GetDirectoryName(logFile)!) is not { } folder)
            return [];
        var log = Path.Combine(folder, Path.GetFileName(logFile));
        // A log that has grown too large was renamed, and one that somebody removed is still written to.
        HashSet<string> names = [log, log + ".1", log + " (deleted)", log + ".1 (deleted)"];
        var found = new List<ProcessIdentity>();
        foreach (var (process, _, processSession) in ProcessIdentity.All())
        {
            var (output, errors) = (OutputOf(process.Id, 1), OutputOf(process.Id, 2));
            var belongs = output is null && errors is null
                ? session != 0 && processSession == session
                : (output is not null && names.Contains(output)) || (errors is not null && names.Contains(errors));
            if (belongs && process.Id != Environment.ProcessId && process.IsRunning)
                found.Add(process);
        }

        return found;
    }

    /// <summary>Ends them at once, and waits until the last of them is gone.</summary>
    /// <param name="name">Of the part.</param>
    /// <param name="logFile">As for <see cref="Find"/>.</param>
    /// <param name="session">As for <see cref="Find"/>.</param>
    /// <exception cref="ServerStartException">Some can't be ended; says which.</exception>
    public static async Task EndAsync(string name, string logFile, int session)
    {
        var patience = System.Diagnostics.Stopwatch.StartNew();
        while (Find(logFile, session) is { Count: > 0 } left)
        {
            if (patience.Elapsed > _endPatience)
            {
                throw new ServerStartException(
                    $"{name} left processes behind that can't be ended: {string.Join(", ", left.Select(static process => process.Id))}.");
            }

            foreach (var process in left)
                process.Send(Signals.Kill);
            await Task.Delay(5);
        }
    }

    // Null if it is closed, or not for us to see.
    private static string? OutputOf(int id, int number)
    {
        try
        {
            return new FileInfo($"/proc/{id}/fd/{number}").LinkTarget;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    // As /proc has it: without symbolic links.
    private static string? RealPath(string path)
    {
        var real = RealPath(path, 0);
        if (real == 0)
            return null;
        try
        {
            return Marshal.PtrToStringUTF8(real);
        }
        finally
        {
            Free(real);
        }
    }

    [LibraryImport("libc", EntryPoint = "realpath", StringMarshalling = StringMarshalling.Utf8)]
    private static partial nint RealPath(string path, nint buffer);

    [LibraryImport("libc", EntryPoint = "free")]
    private static partial void Free(nint memory);
}
