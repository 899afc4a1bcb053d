// The audit export: every operation as a line of JSON in files outside of the database, with the audit chain's link where
// there is one. A line is handled when it is on stable storage; what is handled twice has the same document and version.

using System.Buffers;
using System.Globalization;
using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace CloudSync.Delivery.Consumers;

internal sealed class AuditExport : IDeliveryConsumer, IAsyncDisposable
{
    private const int GroupMax = 256;

    private readonly DeliveryOptions _options;
    private readonly DeliveryMetrics _metrics;
    private readonly TimeProvider _time;
    private readonly ILogger<AuditExport> _logger;
    private readonly Channel<Lines> _waiting = Channel.CreateBounded<Lines>(GroupMax);
    private readonly Task _writing;
    private FileStream? _file;
    private DateOnly _day;
    private bool _mended;

    private sealed record Lines(ReadOnlyMemory<byte> Bytes, TaskCompletionSource Written);

    public AuditExport(
        IOptions<DeliveryOptions> options, DeliveryMetrics metrics, TimeProvider time, ILogger<AuditExport> logger)
    {
        (_options, _metrics, _time, _logger) = (options.Value, metrics, time, logger);
        _writing = Task.Run(RunAsync);
    }

    public string Name => "audit";

    /// <remarks>Never given up: an audit trail with holes is none. Until it can write, it waits.</remarks>
    public DeliveryPolicy Policy { get; } = new() { Concurrency = 16, LongestWait = TimeSpan.FromSeconds(10) };

    public async Task HandleAsync(DeliveryMessage message, CancellationToken cancellationToken)
    {
        var output = new ArrayBufferWriter<byte>(message.Body.Length + (message.Count * 64));
        DeliveryJson.WriteLines(message, output);
        var lines = new Lines(output.WrittenMemory, new(TaskCreationOptions.RunContinuationsAsynchronously));
        await _waiting.Writer.WriteAsync(lines, cancellationToken);
        await lines.Written.Task.WaitAsync(cancellationToken);
    }

    public async ValueTask DisposeAsync()
    {
        _waiting.Writer.TryComplete();
        await _writing;
        if (_file is not null)
            await _file.DisposeAsync();
    }

    // One writer: what has gathered while the last was being synced is synced together.
    private async Task RunAsync()
    {
        var group = new List<Lines>();
        while (await _waiting.Reader.WaitToReadAsync())
        {
            while (group.Count < GroupMax && _waiting.Reader.TryRead(out var lines))
                group.Add(lines);
            try
            {
                Write(group);
                foreach (var lines in group)
                    lines.Written.TrySetResult();
            }
            catch (Exception exception)
            {
                // What was written in part is in a file that is not gone on with; it is written again to the next.
                _file?.Dispose();
                _file = null;
                _mended = false;
                foreach (var lines in group)
                    lines.Written.TrySetException(
                        new IOException($"The audit export can't be written to {_options.AuditFolder}: {exception.Message}", exception));
            }

            group.Clear();
        }
    }

    private void Write(List<Lines> group)
    {
        var now = _time.GetUtcNow();
        var file = FileFor(now);
        var bytes = 0L;
        foreach (var lines in group)
        {
            file.Write(lines.Bytes.Span);
            bytes += lines.Bytes.Length;
        }

        file.Flush(flushToDisk: true);
        _metrics.AuditExported(bytes);
    }

    private FileStream FileFor(DateTimeOffset now)
    {
        var day = DateOnly.FromDateTime(now.UtcDateTime);
        if (_file is { } open && day == _day && open.Length < _options.AuditFileBytes)
            return open;
        _file?.Dispose();
        _file = null;
        Directory.CreateDirectory(_options.AuditFolder);
        if (!_mended)
            Mend();
        _mended = true;
        _day = day;
        var stem = string.Create(CultureInfo.InvariantCulture, $"audit-{now.UtcDateTime:yyyyMMdd'T'HHmmssfff'Z'}");
        for (var number = 0; ; number++)
        {
            var path = Path.Combine(
                _options.AuditFolder, string.Create(CultureInfo.InvariantCulture, $"{stem}-{Environment.ProcessId}-{number}.ndjson"));
            // Several workers may share the folder: each has files of its own, and nobody opens another's.
            if (!File.Exists(path))
                return _file = new FileStream(path, FileMode.CreateNew, FileAccess.Write, FileShare.Read);
        }
    }

    // A crash may have left a file that ends within a line. What that line said was not handled, and is written again.
    private void Mend()
    {
        foreach (var path in Directory.EnumerateFiles(_options.AuditFolder, "audit-*.ndjson"))
        {
            try
            {
                using var file = new FileStream(path, FileMode.Open, FileAccess.ReadWrite, FileShare.None);
                var whole = WholeLines(file);
                if (whole == file.Length)
                    continue;
                _logger.AuditCutOff(path, file.Length - whole);
                file.SetLength(whole);
                file.Flush(flushToDisk: true);
            }
            catch (IOException)
            {
                // Another worker is writing to it.
            }
        }
    }

    private static long WholeLines(FileStream file)
    {
        var buffer = new byte[1 << 16];
        for (var end = file.Length; end > 0;)
        {
            var start = Math.Max(0, end - buffer.Length);
            file.Position = start;
            var part = buffer.AsSpan(0, (int)(end - start));
            file.ReadExactly(part);
            var newline = part.LastIndexOf((byte)'\n');
            if (newline >= 0)
                return start + newline + 1;
            end = start;
        }

        return 0;
    }
}
