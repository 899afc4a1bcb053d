// What in-process delivery remembers: which versions of which document wait for whom, and which were given up. A file of
// lines, each with a checksum, that only grows until it is written anew; the operations themselves are in the log.
//
//   <crc-32c, 8 hex digits> W <subscriber> <document> <first> <last>                                  waits
//   <crc-32c> P <subscriber> <document> <first> <last>                                                handled
//   <crc-32c> F <subscriber> <document> <first> <last> <attempts> <unix milliseconds> <reason>        given up
//   <crc-32c> R <subscriber>                                                                          replayed

using System.Globalization;
using System.Numerics;
using System.Text;
using CloudSync.Log;
using Microsoft.Extensions.Logging;

namespace CloudSync.Delivery;

/// <summary>The file. Thread-safe. What is written together is synced together.</summary>
internal sealed class DeliveryJournal : IAsyncDisposable
{
    private const string Header = "CloudSync delivery 1\n";
    private const int RewriteBytes = 1 << 20;

    private readonly Lock _gate = new();
    private readonly string _path;
    private readonly Func<IEnumerable<string>> _state;
    private FileStream _file;
    private StringBuilder _unwritten = new();
    private TaskCompletionSource _flushed = New();
    private bool _flushing;
    private bool _disposed;
    private long _soundLength;
    private long _rewriteAt = RewriteBytes;

    /// <summary>Opens it, and creates it if need be. Only one process may have it open.</summary>
    /// <param name="path">The file; its folder is created.</param>
    /// <param name="state">All records that are still needed; called while the owner changes nothing.</param>
    /// <param name="replay">Is given every record that is there.</param>
    /// <param name="logger">Is told of what was cut off.</param>
    /// <exception cref="DeliveryUnusableException">It can't be opened, or isn't one.</exception>
    public DeliveryJournal(string path, Func<IEnumerable<string>> state, Action<string[]> replay, ILogger logger)
    {
        (_path, _state) = (path, state);
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
            _file = Open(path);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new DeliveryUnusableException(
                $"The delivery journal {path} can't be opened: {exception.Message} "
                + "Only one process at a time can deliver from a folder (CloudSync:Delivery:Folder).",
                exception);
        }

        try
        {
            Replay(replay, logger);
        }
        catch
        {
            _file.Dispose();
            throw;
        }
    }

    public static string Waits(string subscriber, VersionRange range) =>
        string.Create(CultureInfo.InvariantCulture, $"W {subscriber} {range.DocumentId} {range.First} {range.Last}");

    public static string Handled(string subscriber, VersionRange range) =>
        string.Create(CultureInfo.InvariantCulture, $"P {subscriber} {range.DocumentId} {range.First} {range.Last}");

    public static string Failed(string subscriber, FailedDelivery failed) => string.Create(
        CultureInfo.InvariantCulture,
        $"F {subscriber} {failed.DocumentId} {failed.FirstVersion} {failed.LastVersion} {failed.Attempts} {failed.FailedAt.ToUnixTimeMilliseconds()} {failed.Reason.ReplaceLineEndings(" ")}");

    public static string Replayed(string subscriber) => "R " + subscriber;

    /// <summary>Adds a record. It is on stable storage when a <see cref="FlushAsync"/> that begins later has returned.</summary>
    public void Write(string record)
    {
        lock (_gate)
            _unwritten.Append(Line(record));
    }

    /// <exception cref="DeliveryUnavailableException">It can't be written; what was added so far is kept for the next try.</exception>
    public Task FlushAsync()
    {
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            if (_unwritten.Length == 0 && !_flushing)
                return Task.CompletedTask;
            var flushed = _flushed.Task;
            if (!_flushing)
            {
                _flushing = true;
                _ = Task.Run(RunAsync);
            }

            return flushed;
        }
    }

    public async ValueTask DisposeAsync()
    {
        try
        {
            await FlushAsync();
        }
        catch (DeliveryUnavailableException)
        {
            // What it says was handled will be handled again.
        }

        lock (_gate)
            _disposed = true;
        await _file.DisposeAsync();
    }

    private async Task RunAsync()
    {
        while (true)
        {
            string lines;
            TaskCompletionSource flushed;
            lock (_gate)
            {
                if (_unwritten.Length == 0)
                {
                    // Those who came while the last was being synced and brought nothing are done as well.
                    _flushed.TrySetResult();
                    _flushed = New();
                    _flushing = false;
                    return;
                }

                (lines, _unwritten) = (_unwritten.ToString(), new StringBuilder());
                (flushed, _flushed) = (_flushed, New());
            }

            try
            {
                if (_soundLength + lines.Length > _rewriteAt)
                    Rewrite();
                else
                    Append(lines);
                flushed.TrySetResult();
            }
            catch (Exception exception)
            {
                lock (_gate)
                {
                    _unwritten.Insert(0, lines);
                    _flushing = false;
                }

                var failure = new DeliveryUnavailableException(
                    $"The delivery journal {_path} can't be written: {exception.Message}", exception);
                flushed.TrySetException(failure);
                lock (_gate)
                {
                    if (!_flushing)
                    {
                        _flushed.TrySetException(failure);
                        _ = _flushed.Task.Exception;
                        _flushed = New();
                    }
                }

                return;
            }
        }
    }

    private void Append(string lines)
    {
        // What a failed write left behind it.
        if (_file.Length != _soundLength)
            _file.SetLength(_soundLength);
        _file.Position = _soundLength;
        _file.Write(Encoding.UTF8.GetBytes(lines));
        _file.Flush(flushToDisk: true);
        _soundLength = _file.Length;
    }

    // Everything added so far is in the state already: the owner changes that first.
    private void Rewrite()
    {
        var temporary = _path + ".new";
        File.Delete(temporary);
        var file = Open(temporary);
        try
        {
            file.Write(Encoding.UTF8.GetBytes(Header));
            foreach (var record in _state())
                file.Write(Encoding.UTF8.GetBytes(Line(record)));
            file.Flush(flushToDisk: true);
            File.Move(temporary, _path, overwrite: true);
        }
        catch
        {
            file.Dispose();
            throw;
        }

        _file.Dispose();
        _file = file;
        _soundLength = _file.Length;
        _rewriteAt = Math.Max(RewriteBytes, 4 * _soundLength);
    }

    private void Replay(Action<string[]> replay, ILogger logger)
    {
        if (_file.Length == 0)
        {
            _file.Write(Encoding.UTF8.GetBytes(Header));
            _file.Flush(flushToDisk: true);
            _soundLength = _file.Length;
            return;
        }

        var bytes = new byte[_file.Length];
        _file.Position = 0;
        _file.ReadExactly(bytes);
        if (!bytes.AsSpan().StartsWith(Encoding.UTF8.GetBytes(Header)))
            throw new DeliveryUnusableException(
                $"{_path} is no delivery journal, or one of a newer CloudSync. Use that one, or another CloudSync:Delivery:Folder.");
        var position = Header.Length;
        while (bytes.AsSpan(position).IndexOf((byte)'\n') is var length and >= 0)
        {
            if (Record(bytes.AsSpan(position, length)) is not { } record)
                break;
            replay(record.Split(' ', record[0] == 'F' ? 8 : 5));
            position += length + 1;
        }

        _soundLength = position;
        _rewriteAt = Math.Max(RewriteBytes, 2 * _soundLength);
        if (position == bytes.Length)
            return;
        logger.JournalCutOff(bytes.Length - position);
        _file.SetLength(position);
    }

    // Null for one that isn't whole.
    private static string? Record(ReadOnlySpan<byte> line)
    {
        if (line.Length < 11 || !uint.TryParse(line[..8], NumberStyles.HexNumber, CultureInfo.InvariantCulture, out var crc))
            return null;
        var record = line[9..];
        return Crc(record) == crc ? Encoding.UTF8.GetString(record) : null;
    }

    private static string Line(string record) =>
        string.Create(CultureInfo.InvariantCulture, $"{Crc(Encoding.UTF8.GetBytes(record)):x8} {record}\n");

    private static uint Crc(ReadOnlySpan<byte> bytes)
    {
        var crc = uint.MaxValue;
        foreach (var value in bytes)
            crc = BitOperations.Crc32C(crc, value);
        return ~crc;
    }

    private static FileStream Open(string path) =>
        new(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, bufferSize: 1 << 16);

    private static TaskCompletionSource New() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
