// An outbox in a folder: one file for each name, written beside and renamed.

using System.Runtime.InteropServices;
using System.Text;

namespace CloudSync.Client;

/// <summary>
/// Keeps edits in files of a folder. The folder is this object's alone: a second one, in whatever process, is refused
/// until this is disposed of or its process has ended.
/// </summary>
public sealed class FileClientOutbox : ClientOutbox, IDisposable
{
    private const string TemporarySuffix = ".new";
    private const int MaxFileName = 250;

    private readonly string _folder;
    private readonly FileStream _lock;
    private readonly Lock _queue = new();

    // What was asked for last: each waits for the one before it.
    private Task _last = Task.CompletedTask;
    private bool _disposed;

    /// <summary>Opens the outbox in a folder, which is made if it isn't there.</summary>
    /// <exception cref="OutboxInUseException">Somebody else has it open.</exception>
    public FileClientOutbox(string folder)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        _folder = Path.GetFullPath(folder);
        Directory.CreateDirectory(_folder);
        try
        {
            _lock = new(Path.Combine(_folder, "lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException exception)
        {
            throw new OutboxInUseException($"The outbox in {_folder} is in use, or can't be locked.", exception);
        }

        try
        {
            // A program that was killed may have renamed what it had no time to flush. It is read and acted on from here on, so
            // a loss of power must not take it back.
            FlushFolder();
        }
        catch
        {
            _lock.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public override ReadOnlyMemory<byte>? Load(string name)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        try
        {
            return File.ReadAllBytes(PathOf(name));
        }
        catch (FileNotFoundException)
        {
            return null;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new OutboxUnreadableException(name, exception.Message, exception);
        }
    }

    /// <inheritdoc/>
    public override ValueTask SaveAsync(string name, ReadOnlyMemory<byte> value)
    {
        var path = PathOf(name);
        return Enqueue(() =>
        {
            using (var file = File.Create(path + TemporarySuffix))
            {
                file.Write(value.Span);
                file.Flush(flushToDisk: true);
            }

            File.Move(path + TemporarySuffix, path, overwrite: true);
            FlushFolder();
        });
    }

    /// <inheritdoc/>
    public override ValueTask RemoveAsync(string name)
    {
        var path = PathOf(name);
        return Enqueue(() =>
        {
            File.Delete(path);
            FlushFolder();
        });
    }

    /// <summary>Waits for what is being saved, and lets others open the folder.</summary>
    public void Dispose()
    {
        Task last;
        lock (_queue)
        {
            _disposed = true;
            last = _last;
        }

        // Whoever asked for it is told if it failed.
        last.ContinueWith(static _ => { }, TaskScheduler.Default).Wait();
        _lock.Dispose();
    }

    private ValueTask Enqueue(Action write)
    {
        lock (_queue)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            return new(_last = After(_last, write));
        }
    }

    // Whoever edits must not wait for a disk, so it is done on another thread.
    private static async Task After(Task former, Action write)
    {
        await former.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ForceYielding);
        write();
    }

    // Some file systems don't tell upper case from lower, or have names that mean something else.
    private string PathOf(string name)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        StringBuilder file = new("_");
        foreach (var unit in Encoding.UTF8.GetBytes(name))
        {
            if ((char)unit is (>= 'a' and <= 'z') or (>= '0' and <= '9') or '-' or '.')
                file.Append((char)unit);
            else
                file.Append('%').Append(unit.ToString("x2", null));
        }

        if (file.Length + TemporarySuffix.Length > MaxFileName)
            throw new ArgumentException("The name is too long for a file.", nameof(name));
        return Path.Combine(_folder, file.ToString());
    }

    // A rename is on disk when its folder is. .NET has no call for that, and Windows needs none.
    private void FlushFolder()
    {
        if (OperatingSystem.IsWindows())
            return;
        var folder = Posix.Open(Encoding.UTF8.GetBytes(_folder + '\0'), flags: 0);
        if (folder < 0)
            throw new IOException($"The folder {_folder} can't be opened: error {Marshal.GetLastPInvokeError()}.");
        try
        {
            if (Posix.Fsync(folder) != 0)
                throw new IOException($"The folder {_folder} can't be flushed: error {Marshal.GetLastPInvokeError()}.");
        }
        finally
        {
            _ = Posix.Close(folder);
        }
    }

    private static class Posix
    {
        [DllImport("libc", EntryPoint = "open", SetLastError = true)]
        public static extern int Open(byte[] path, int flags);

        [DllImport("libc", EntryPoint = "fsync", SetLastError = true)]
        public static extern int Fsync(int file);

        [DllImport("libc", EntryPoint = "close", SetLastError = true)]
        public static extern int Close(int file);
    }
}
