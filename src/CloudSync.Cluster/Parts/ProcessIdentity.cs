// One process and no other: an id together with the moment it started, because ids are used again. Read from /proc.

using System.Globalization;
using System.Runtime.InteropServices;

namespace CloudSync.Cluster.Parts;

/// <summary>A process of this machine.</summary>
/// <param name="Id">Its process id.</param>
/// <param name="StartedAt">When it started, in clock ticks since the machine did.</param>
internal readonly partial record struct ProcessIdentity(int Id, long StartedAt)
{
    /// <summary>Whether it runs. A zombie, which somebody else will reap, has ended.</summary>
    public bool IsRunning => Look(Id) is { State: not 'Z' } seen && seen.StartedAt == StartedAt;

    /// <summary>Whether a process has ended and was not reaped.</summary>
    public static bool IsZombie(int id) => Look(id) is { State: 'Z' };

    /// <summary>What a file says in which both stand; null if it is not there, or not written to its end.</summary>
    public static ProcessIdentity? Read(string file)
    {
        if (!File.Exists(file))
            return null;
        var text = File.ReadAllText(file);
        var words = text.Split(' ', StringSplitOptions.TrimEntries);
        return text.EndsWith('\n') && words.Length == 2
            && int.TryParse(words[0], CultureInfo.InvariantCulture, out var id)
            && long.TryParse(words[1], CultureInfo.InvariantCulture, out var startedAt)
            ? new ProcessIdentity(id, startedAt)
            : null;
    }

    /// <summary>Sends a signal; does nothing if it has ended.</summary>
    public void Send(int signal)
    {
        if (IsRunning)
            _ = Kill(Id, signal);
    }

    /// <summary>Ends it and everything it has started.</summary>
    public void KillTree()
    {
        var tree = Tree();
        foreach (var process in tree)
            process.Send(Signals.Kill);
    }

    /// <summary>It, and its children, and theirs; it comes first. Empty if it has ended.</summary>
    public IReadOnlyList<ProcessIdentity> Tree()
    {
        if (!IsRunning)
            return [];
        var children = All().ToArray();
        var tree = new List<ProcessIdentity> { this };
        for (var i = 0; i < tree.Count; i++)
            tree.AddRange(children.Where(child => child.Parent == tree[i].Id).Select(static child => child.Process));
        return tree;
    }

    /// <summary>All processes of this machine, each with its parent and its session.</summary>
    public static IEnumerable<(ProcessIdentity Process, int Parent, int Session)> All()
    {
        foreach (var folder in Directory.EnumerateDirectories("/proc"))
        {
            if (int.TryParse(Path.GetFileName(folder), CultureInfo.InvariantCulture, out var id) && Look(id) is { } seen)
                yield return (new ProcessIdentity(id, seen.StartedAt), seen.Parent, seen.Session);
        }
    }

    private static (char State, int Parent, int Session, long StartedAt)? Look(int id)
    {
        try
        {
            var stat = File.ReadAllText($"/proc/{id}/stat");
            // A program's name, in brackets, may have anything in it.
            var fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
            return (
                fields[0][0], int.Parse(fields[1], CultureInfo.InvariantCulture), int.Parse(fields[3], CultureInfo.InvariantCulture),
                long.Parse(fields[19], CultureInfo.InvariantCulture));
        }
        catch (IOException)
        {
            return null;
        }
    }

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static partial int Kill(int id, int signal);
}

/// <summary>Signal numbers on Linux.</summary>
public static class Signals
{
    public const int Interrupt = 2;
    public const int Kill = 9;
    public const int Terminate = 15;
    public const int Continue = 18;
    public const int Pause = 19;
    public const int Hangup = 1;
    public const int Quit = 3;
}
