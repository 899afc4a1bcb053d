// The content of a text document: a rope, and the rules by which an operation may change it.

using System.Buffers;

namespace CloudSync.Operations;

internal sealed class RichTextState : DocumentState
{
    // How often one edit may make attributes stand twice, parting a run or the leaf that it is in. Generous.
    private const int RepeatsPerEdit = 4;

    private static readonly byte[] _embedText = [0];

    private readonly RichTextType _type;
    private readonly Rope _rope;

    // The attributes inserted last: whoever types bold types on in bold, and shares one array.
    private byte[]? _attributes;

    public RichTextState(RichTextType type) : this(type, new Rope())
    {
    }

    private RichTextState(RichTextType type, Rope rope)
    {
        _type = type;
        _rope = rope;
    }

    public override DocumentType Type => _type;

    /// <summary>The content; for tests.</summary>
    internal Rope Rope => _rope;

    public override int Length => _rope.Length;

    public override long Bytes => _rope.Bytes + _rope.JsonBytes;

    public static RichTextState Decode(RichTextType type, ReadOnlySpan<byte> snapshot)
    {
        for (var reader = new ComponentReader(snapshot); !reader.Ended; reader.MoveNext())
        {
            if (!reader.IsInsert)
                throw ComponentReader.Malformed("a snapshot holds nothing but inserts");
        }

        var state = new RichTextState(type);
        state.Apply(snapshot);
        return state;
    }

    public override void Apply(ReadOnlySpan<byte> operation, long maxBytes = long.MaxValue)
    {
        if (!Keystroke.TryRead(operation, out var keystroke) || !TryApply(in keystroke, maxBytes))
            ApplyAny(operation, maxBytes);
    }

    // Does what the general way does, where nothing can go wrong. Where anything could, that way says what.
    private bool TryApply(in Keystroke keystroke, long maxBytes)
    {
        if (keystroke.Deleted > 0)
        {
            var end = (long)keystroke.Position + keystroke.Deleted;
            if (end > _rope.Length || _rope.IsWithinPair(keystroke.Position) || _rope.IsWithinPair((int)end))
                return false;
            _rope.Delete(keystroke.Position, keystroke.Deleted);
            return true;
        }

        // At the most: the text may part a run of formatting, and the leaf.
        var growth = keystroke.Text.Length + ((long)RepeatsPerEdit * _rope.AttributeBytes);
        if (keystroke.Position > _rope.Length || growth > maxBytes - Bytes || growth > int.MaxValue - _rope.Length
            || _rope.IsWithinPair(keystroke.Position))
            return false;
        _rope.Insert(keystroke.Position, keystroke.Text, keystroke.TextLength, null, null);
        return true;
    }

    private void ApplyAny(ReadOnlySpan<byte> operation, long maxBytes)
    {
        var writer = new ComponentWriter(default);
        try
        {
            var plan = Check(ref operation, ref writer);
            maxBytes = Math.Max(maxBytes, Bytes);
            if (!plan.MayFail && plan.MaxGrowth <= maxBytes - Bytes)
            {
                Change(operation, long.MaxValue);
                return;
            }

            // What can only be seen on the way, and in the middle: everything is done to a fork.
            var before = _rope.Fork();
            try
            {
                // An insert stands before the delete that makes room for it: the end decides.
                Change(operation, maxBytes > long.MaxValue - operation.Length ? maxBytes : maxBytes + operation.Length);
                _rope.CheckBytes(maxBytes);
            }
            catch
            {
                _rope.Become(before);
                throw;
            }
        }
        finally
        {
            writer.Dispose();
        }
    }

    public override DocumentState Fork() => new RichTextState(_type, _rope.Fork());

    public override void EncodeSnapshot(IBufferWriter<byte> output)
    {
        ArgumentNullException.ThrowIfNull(output);
        if (Length == 0)
            return;
        var reader = _rope.Read(0, Length);
        if (_rope.IsPlain)
        {
            var header = (ulong)_rope.Bytes << 3 | WireKind.Text;
            var headerLength = ByteBuffer.VarintLength(header);
            ByteBuffer.PutVarint(output.GetSpan(headerLength), header);
            output.Advance(headerLength);
            while (reader.MoveNext())
                output.Write(reader.Text);
            return;
        }

        var writer = new ComponentWriter(stackalloc byte[ByteBuffer.StackBytes]);
        try
        {
            while (reader.MoveNext())
                Push(in reader, ref writer);
            writer.Finish(output);
        }
        finally
        {
            writer.Dispose();
        }
    }

    public override void Invert(ReadOnlySpan<byte> operation, IBufferWriter<byte> output)
    {
        ArgumentNullException.ThrowIfNull(output);
        var canonical = new ComponentWriter(default);
        var writer = new ComponentWriter(stackalloc byte[ByteBuffer.StackBytes]);
        var scratch = new ByteBuffer(stackalloc byte[ByteBuffer.StackBytes]);
        try
        {
            Check(ref operation, ref canonical);
            var position = 0;
            for (var done = new ComponentReader(operation); !done.Ended; done.MoveNext())
            {
                if (done.IsInsert)
                {
                    writer.Delete(done.Length);
                    continue;
                }

                if (done.Kind == DeltaKind.Retain && done.Attributes.IsEmpty)
                    writer.Retain(done.Length, default);
                else
                    TakeBack(in done, position, ref writer, ref scratch);
                position += done.Length;
            }

            writer.Finish(output);
        }
        finally
        {
            canonical.Dispose();
            writer.Dispose();
            scratch.Dispose();
        }
    }

    private void TakeBack(
        in ComponentReader done, int position, scoped ref ComponentWriter writer, scoped ref ByteBuffer scratch)
    {
        var before = _rope.Read(position, done.Length);
        while (before.MoveNext())
        {
            if (done.Kind == DeltaKind.Delete)
            {
                Push(in before, ref writer);
                continue;
            }

            var attributes = AttributeSet.Invert(done.Attributes, before.Attributes, ref scratch);
            if (done.Kind == DeltaKind.Retain)
            {
                writer.Retain(before.Length, attributes);
                continue;
            }

            if (before.Embed == null)
                throw Embeds.NotAnEmbed();
            writer.RetainEmbed(Embeds.Invert(done.Payload, before.Embed), attributes);
        }
    }

    private static void Push(in RopeReader piece, scoped ref ComponentWriter writer)
    {
        if (piece.Embed == null)
            writer.InsertText(piece.Text, piece.Attributes);
        else
            writer.InsertEmbed(piece.Embed, piece.Attributes);
    }

    // Checks everything about an operation that can be checked before it is applied. It is replaced by its canonical
    // form where that makes a difference: that one component ends and another begins cuts no surrogate pair if both do
    // the same.
    private OperationPlan Check(ref ReadOnlySpan<byte> operation, scoped ref ComponentWriter writer)
    {
        var plan = Look(operation);
        if (plan.SplitsPair && !plan.IsCanonical)
        {
            operation = Canonical.Rewrite(operation, ref writer);
            plan = Look(operation);
        }

        if (plan.SplitsPair)
            throw Utf8Text.SplitsSurrogatePair();
        return plan;
    }

    private OperationPlan Look(ReadOnlySpan<byte> operation)
    {
        var plan = new OperationPlan { IsCanonical = true };
        long position = 0;
        long inserted = 0;
        var largest = 0;
        long repeats = 0;
        var last = DeltaKind.InsertText;
        ReadOnlySpan<byte> lastAttributes = default;
        for (var reader = new ComponentReader(operation); !reader.Ended; reader.MoveNext())
        {
            Canonical.CheckJson(in reader, _type.IsPlain);
            var isPlainRetain = reader.Kind == DeltaKind.Retain && reader.Attributes.IsEmpty;
            // Where this begins, the last plain retain has ended, of which that was left open.
            if (last == DeltaKind.Retain && lastAttributes.IsEmpty && !isPlainRetain)
                plan.SplitsPair |= _rope.IsWithinPair((int)position);

            if (reader.IsInsert)
            {
                AttributeSet.CheckSize(reader.Attributes);
                inserted += reader.Length;
                plan.MaxGrowth += reader.Payload.Length + 1;
                repeats += reader.Payload.Length / (RopeLeaf.Capacity / 2) + RepeatsPerEdit;
                plan.IsCanonical &= last != DeltaKind.Delete;
            }
            else
            {
                if (last == reader.Kind && last is DeltaKind.Delete or DeltaKind.Retain)
                    plan.IsCanonical &= !AttributeSet.AreEqual(lastAttributes, reader.Attributes);
                position += reader.Length;
                if (position > _rope.Length)
                    throw OutOfRange();
                if (!isPlainRetain)
                    plan.SplitsPair |= _rope.IsWithinPair((int)position);
                if (!reader.Attributes.IsEmpty)
                {
                    plan.MaxGrowth += (long)reader.Length * reader.Attributes.Length;
                    repeats += RepeatsPerEdit;
                }

                plan.MayFail |= reader.Kind == DeltaKind.RetainEmbed || _rope.MayOverfill(reader.Attributes.Length);
            }

            largest = Math.Max(largest, reader.Attributes.Length);
            last = reader.Kind;
            lastAttributes = reader.Attributes;
        }

        plan.MaxGrowth += repeats * (_rope.AttributeBytes + largest);
        if (_rope.Length + inserted > int.MaxValue)
        {
            throw new OperationException(
                OperationError.OutOfRange, "The document would grow longer than 2,147,483,647 code units.");
        }

        return plan;
    }

    private OperationException OutOfRange() => new(
        OperationError.OutOfRange, $"The operation reaches past the end of the document, which has {_rope.Length} code units.");

    private void Change(ReadOnlySpan<byte> operation, long maxBytes)
    {
        var position = 0;
        for (var reader = new ComponentReader(operation); !reader.Ended; reader.MoveNext())
        {
            switch (reader.Kind)
            {
                case DeltaKind.Retain:
                    if (!reader.Attributes.IsEmpty)
                        _rope.Format(position, reader.Length, reader.Attributes, maxBytes);
                    position += reader.Length;
                    break;
                case DeltaKind.Delete:
                    _rope.Delete(position, reader.Length);
                    break;
                case DeltaKind.InsertText:
                    _rope.Insert(position, reader.Payload, reader.Length, Shared(reader.Attributes), null);
                    position += reader.Length;
                    break;
                case DeltaKind.InsertEmbed:
                    _rope.Insert(position, _embedText, 1, Shared(reader.Attributes), reader.Payload.ToArray());
                    position++;
                    break;
                default:
                    _rope.ChangeEmbed(position, reader.Payload, reader.Attributes);
                    position++;
                    break;
            }

            _rope.CheckBytes(maxBytes);
        }
    }

    private byte[]? Shared(ReadOnlySpan<byte> attributes)
    {
        if (attributes.IsEmpty)
            return null;
        if (!attributes.SequenceEqual(_attributes))
            _attributes = attributes.ToArray();
        return _attributes;
    }

    private ref struct OperationPlan
    {
        /// <summary>No two neighbours do the same, and no insert follows a delete.</summary>
        public bool IsCanonical;

        /// <summary>A component begins or ends within a surrogate pair.</summary>
        public bool SplitsPair;

        /// <summary>Whether it can be applied only shows when it is.</summary>
        public bool MayFail;

        /// <summary>No more bytes than this are added, a change of an embed left out.</summary>
        public long MaxGrowth;
    }
}
