// A disk of a few megabytes that a test can fill and empty: a file system in memory. Only root may mount one.

using System.Diagnostics;
using Xunit;

namespace CloudSync.PostgreSql.Tests;

internal sealed class SmallDisk : IDisposable
{
    private readonly string _filler;

    private SmallDisk(string path) => (Path, _filler) = (path, System.IO.Path.Combine(path, "filler"));

    public string Path { get; }

    /// <summary>Mounts it; skips the test where that isn't allowed.</summary>
    public static SmallDisk Mount(string path, int mebibytes)
    {
        Assert.SkipUnless(Environment.UserName == "root", "Only root may mount the small disk that is to be full.");
        Directory.CreateDirectory(path);
        var said = Run("mount", "-t", "tmpfs", "-o", $"size={mebibytes}m,mode=755", "cloudsync-test", path);
        Assert.SkipUnless(said.Length == 0, $"The small disk that is to be full can't be mounted here: {said}");
        return new SmallDisk(path);
    }

    /// <summary>Not a byte is left.</summary>
    public void Fill()
    {
        using var file = new FileStream(_filler, FileMode.Append, FileAccess.Write, FileShare.None, bufferSize: 0);
        var block = new byte[64 << 10];
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

    /// <summary>As much room as before <see cref="Fill"/>.</summary>
    public void Empty() => File.Delete(_filler);

    // Lazily: what still has a file open in it holds nobody up.
    public void Dispose() => Run("umount", "--lazy", Path);

    private static string Run(string program, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true })!;
        var said = process.StandardError.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0 ? "" : said.Trim();
    }
}
