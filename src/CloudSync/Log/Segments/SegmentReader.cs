// Reads a segment from its first operation on. It can be left where one likes and gone on with later.

using System.Text;

namespace CloudSync.Log;

/// <summary>
/// Reads the operations of a segment in order of version. For one thread at a time.
/// </summary>
public sealed class SegmentReader
{
    // Operations are small: many share an array. What keeps one of them keeps no more than this besides.
    private const int ChunkBytes = 16 << 10;

    private readonly SegmentEnvelope _envelope;
    private readonly List<(ulong ClientId, string Author)> _writers = [];
    private readonly Dictionary<ulong, ulong> _sequences = [];
    private readonly ColumnWriter _operation = new();
    private TimeReader _times;
    private ColumnReader _writerRuns;
    private ColumnReader _clientSequences;
    private ColumnReader _baseVersions;
    private ColumnReader _components;
    private ColumnReader _positions;
    private ColumnReader _retains;
    private ColumnReader _textLengths;
    private ColumnReader _deletes;
    private ColumnReader _text;
    private ColumnReader _jsonLengths;
    private ColumnReader _json;
    private ColumnReader _rawLengths;
    private ColumnReader _raw;

    private Memory<byte> _chunk;
    private LoggedOperation _decoded;
    private bool _isDecoded;
    private int _next;
    private (ulong ClientId, string Author) _writer;
    private int _writerRun;
    private long _cursor;

    /// <summary>Checks a segment and unpacks its columns.</summary>
    /// <exception cref="InvalidDataException">It is damaged.</exception>
    public SegmentReader(ReadOnlyMemory<byte> segment)
    {
        _envelope = SegmentEnvelope.Open(segment);
        _times = new(_envelope);
        _writerRuns = Column(SegmentColumn.WriterRuns);
        _clientSequences = Column(SegmentColumn.Sequences);
        _baseVersions = Column(SegmentColumn.BaseVersions);
        _components = Column(SegmentColumn.Components);
        _positions = Column(SegmentColumn.Positions);
        _retains = Column(SegmentColumn.Retains);
        _textLengths = Column(SegmentColumn.TextLengths);
        _deletes = Column(SegmentColumn.Deletes);
        _text = Column(SegmentColumn.Text);
        _jsonLengths = Column(SegmentColumn.JsonLengths);
        _json = Column(SegmentColumn.Json);
        _rawLengths = Column(SegmentColumn.RawLengths);
        _raw = Column(SegmentColumn.Raw);
        ReadWriters();
    }

    /// <summary>The version of its first operation.</summary>
    public long FirstVersion => _envelope.FirstVersion;

    /// <summary>The version of its last operation.</summary>
    public long LastVersion => _envelope.FirstVersion + _envelope.Count - 1;

    /// <summary>The version that is read next; one beyond the last at the end.</summary>
    public long NextVersion => FirstVersion + _next - (_isDecoded ? 1 : 0);

    /// <summary>Passes over everything before a version.</summary>
    /// <exception cref="InvalidDataException">The segment is damaged.</exception>
    public void SkipTo(long version)
    {
        while (NextVersion < version && NextVersion <= LastVersion)
        {
            Decode();
            _isDecoded = false;
        }
    }

    /// <summary>Reads on, to the end, until so many operations are there, or until their bytes are used up.</summary>
    /// <param name="operations">What is read is added here.</param>
    /// <param name="maxCount">How many there may be in <paramref name="operations"/>.</param>
    /// <param name="bytesLeft">
    /// Lowered by the bytes of each. One that would make it negative isn't read, unless it is the first in
    /// <paramref name="operations"/>.
    /// </param>
    /// <returns>True at the end of the segment.</returns>
    /// <exception cref="InvalidDataException">The segment is damaged.</exception>
    public bool Read(List<LoggedOperation> operations, int maxCount, ref long bytesLeft)
    {
        ArgumentNullException.ThrowIfNull(operations);
        while (NextVersion <= LastVersion)
        {
            if (operations.Count >= maxCount)
                return false;
            Decode();
            var bytes = _operation.Written;
            if (bytes.Length > bytesLeft && operations.Count > 0)
                return false;
            bytesLeft -= bytes.Length;
            operations.Add(_decoded with { Bytes = Keep(bytes) });
            _isDecoded = false;
        }

        return true;
    }

    private ColumnReader Column(SegmentColumn column) => new(_envelope.Unpack(column));

    private void ReadWriters()
    {
        for (var column = Column(SegmentColumn.Writers); !column.AtEnd;)
        {
            var clientId = column.ReadFixed(sizeof(ulong));
            _writers.Add((clientId, Encoding.UTF8.GetString(column.Read(column.ReadLength()))));
        }
    }

    private ReadOnlyMemory<byte> Keep(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length > _chunk.Length)
            _chunk = new byte[Math.Max(ChunkBytes, bytes.Length)];
        bytes.CopyTo(_chunk.Span);
        var kept = _chunk[..bytes.Length];
        _chunk = _chunk[bytes.Length..];
        return kept;
    }

    private void Decode()
    {
        if (_isDecoded)
            return;
        if (_writerRun == 0)
        {
            var index = _writerRuns.ReadVarint();
            _writerRun = _writerRuns.ReadLength();
            if (index >= (ulong)_writers.Count || _writerRun == 0)
                throw SegmentEnvelope.Damaged("an operation's author is unknown");
            _writer = _writers[(int)index];
        }

        _writerRun--;
        var version = FirstVersion + _next;
        var sequence = unchecked(
            _sequences.GetValueOrDefault(_writer.ClientId) + 1 + (ulong)_clientSequences.ReadSigned());
        _sequences[_writer.ClientId] = sequence;
        var baseVersion = unchecked(version - 1 - _baseVersions.ReadSigned());
        var microseconds = _times.Next();
        if (microseconds < HistorySegment.Microseconds(DateTimeOffset.MinValue)
            || microseconds > HistorySegment.Microseconds(DateTimeOffset.MaxValue))
            throw SegmentEnvelope.Damaged("a time is impossible");
        _decoded = new LoggedOperation(
            version, _writer.ClientId, sequence, baseVersion, _writer.Author,
            DateTimeOffset.UnixEpoch.AddTicks(microseconds * TimeSpan.TicksPerMicrosecond), default);
        DecodeOperation();
        _next++;
        _isDecoded = true;
        if (_next == _envelope.Count)
            CheckEnd();
    }

    private void DecodeOperation()
    {
        _operation.Clear();
        var kind = _components.ReadByte();
        if (kind == OperationSplitter.Empty)
            return;
        if (kind == OperationSplitter.Raw)
        {
            _operation.Write(_raw.Read(_rawLengths.ReadLength()));
            return;
        }

        long at = 0;
        for (var first = true; ; first = false, kind = _components.ReadByte())
        {
            at += DecodeComponent(kind, first);
            if ((kind & OperationSplitter.Last) != 0)
                break;
        }

        _cursor = at;
    }

    /// <summary>Puts one component together; by how much it moves on in the document.</summary>
    private long DecodeComponent(byte kind, bool first)
    {
        switch (kind & 3)
        {
            case OperationSplitter.Retain:
                var retained = first ? _cursor + _positions.ReadSigned() : (long)_retains.ReadVarint();
                WriteHeader(kind, retained);
                return retained;
            case OperationSplitter.Delete:
                WriteHeader(kind, (long)_deletes.ReadVarint());
                return 0;
            case OperationSplitter.Text:
                var length = _textLengths.ReadLength();
                WriteHeader(kind, length);
                var text = _text.Read(length);
                _operation.Write(text);
                return OperationSplitter.CodeUnits(text);
            default:
                WriteHeader(kind, (kind & OperationSplitter.Value) != 0 ? 1 : 0);
                WriteJson();
                return 1;
        }
    }

    private void WriteHeader(byte kind, long number)
    {
        if (number is < 0 or > int.MaxValue)
            throw SegmentEnvelope.Damaged("a component has an impossible length");
        _operation.WriteVarint(((ulong)number << 3) | (uint)(kind & 7));
        if ((kind & OperationSplitter.Attributed) != 0)
            WriteJson();
    }

    private void WriteJson()
    {
        var length = _jsonLengths.ReadLength();
        _operation.WriteVarint((ulong)length);
        _operation.Write(_json.Read(length));
    }

    // Something left over would mean that something was read wrongly.
    private void CheckEnd()
    {
        if (_writerRun != 0 || !_times.AtEnd || !_writerRuns.AtEnd || !_clientSequences.AtEnd || !_baseVersions.AtEnd
            || !_components.AtEnd || !_positions.AtEnd || !_retains.AtEnd || !_textLengths.AtEnd || !_deletes.AtEnd
            || !_text.AtEnd || !_jsonLengths.AtEnd || !_json.AtEnd || !_rawLengths.AtEnd || !_raw.AtEnd)
            throw SegmentEnvelope.Damaged("a column holds more than its operations");
    }
}
