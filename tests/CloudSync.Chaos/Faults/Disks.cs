// Small disks for PostgreSQL that can be filled and emptied. Only root may mount them; without them there is no such fault.

using System.Diagnostics;

namespace CloudSync.Chaos.Faults;

/// <summary>A disk of its own for each server's data: a file, mounted.</summary>
internal sealed class Disks : IDisposable
{
    // With all that PostgreSQL keeps of its write-ahead log in a long run. The file takes up what is used of it.
    private const long Bytes = 6L << 30;
    private const int BlockBytes = 1 << 20;

    private readonly List<string> _mounted = [];

    private Disks()
    {
    }

    /// <summary>Why there are none; empty if there are.</summary>
    public string Missing { get; private set; } = "";

    /// <summary>Mounts one for each of the parts that are to come in a folder.</summary>
    public static Disks Mount(string folder, IReadOnlyList<string> parts)
    {
        var disks = new Disks();
        if (Environment.UserName != "root")
        {
            disks.Missing = "only root may mount a small disk";
            return disks;
        }

        foreach (var part in parts)
        {
            var (file, place) = (Path.Combine(folder, part + ".disk"), Path.Combine(folder, "cluster", part));
            Directory.CreateDirectory(place);
            using (var disk = File.Create(file))
                disk.SetLength(Bytes);
            disks.Missing = Run("mkfs.ext4", "-q", "-m", "0", "-E", "lazy_itable_init=1,nodiscard", file);
            if (disks.Missing.Length == 0)
                disks.Missing = Run("mount", "-o", "loop", file, place);
            if (disks.Missing.Length > 0)
            {
                disks.Dispose();
                return disks;
            }

            disks._mounted.Add(place);
            // Of mkfs; PostgreSQL wants its folder empty.
            Directory.Delete(Path.Combine(place, "lost+found"));
        }

        return disks;
    }

    /// <summary>Leaves not a block of a part's disk.</summary>
    public void Fill(string part)
    {
        using var file = new FileStream(Filler(part), FileMode.Create, FileAccess.Write, FileShare.None, bufferSize: 0);
        var free = new DriveInfo(Place(part)).AvailableFreeSpace;
        // In one piece as far as it goes, without writing it; the rest block by block.
        for (var size = free; size >= BlockBytes; size -= size / 64)
        {
            if (Run("fallocate", "-l", $"{size}", Filler(part)).Length == 0)
                break;
        }

        file.Seek(0, SeekOrigin.End);
        var block = new byte[BlockBytes];
        for (var size = block.Length; size > 0;)
        {
            try
            {
                file.Write(block, 0, size);
            }
            catch (IOException)
            {
                size /= 2;
            }
        }
    }

    /// <summary>Gives back what <see cref="Fill"/> took.</summary>
    public void Empty(string part) => File.Delete(Filler(part));

    public void Dispose()
    {
        // Lazily: what still has a file open in it holds nobody up.
        foreach (var place in _mounted)
            Run("umount", "--lazy", place);
        _mounted.Clear();
    }

    private string Place(string part) => _mounted.Single(place => Path.GetFileName(place) == part);

    private string Filler(string part) => Path.Combine(Place(part), "filler");

    private static string Run(string program, params string[] arguments)
    {
        try
        {
            using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true, RedirectStandardOutput = true })!;
            var said = process.StandardError.ReadToEnd();
            process.WaitForExit();
            return process.ExitCode == 0 ? "" : $"{program}: {said.Trim()}";
        }
        catch (System.ComponentModel.Win32Exception exception)
        {
            return $"{program}: {exception.Message}";
        }
    }
}
