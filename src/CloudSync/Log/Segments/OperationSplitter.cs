// The binary form of a rich-text operation (docs/operations.md), taken apart into columns and put together again.
//
// Only what comes back byte for byte is taken apart. Everything else (JSON operations, lengths written longer than need
// be, what is malformed) is left as it is and packed whole.

namespace CloudSync.Log;

/// <remarks>
/// A byte in the column of components: the lowest three bits of the component's header, <see cref="Value"/> if an
/// embed's value is 1, <see cref="Last"/> on an operation's last component.
/// </remarks>
internal static class OperationSplitter
{
    public const byte Value = 8;
    public const byte Last = 16;
    public const byte Empty = 0xFE;
    public const byte Raw = 0xFF;

    public const int Retain = 0;
    public const int Delete = 1;
    public const int Text = 2;
    public const int Embed = 3;
    public const int Attributed = 4;

    /// <summary>Takes an operation apart; false, with nothing written, if it has to be left as it is.</summary>
    /// <param name="operation">Its bytes.</param>
    /// <param name="columns">Where its parts go.</param>
    /// <param name="cursor">Where the previous operation ended in the document; set to where this one does.</param>
    public static bool TrySplit(ReadOnlySpan<byte> operation, SegmentColumns columns, ref long cursor)
    {
        if (operation.IsEmpty)
        {
            columns[SegmentColumn.Components].WriteByte(Empty);
            return true;
        }

        var position = 0;
        while (position < operation.Length)
        {
            if (!TryRead(operation, ref position, out _))
                return false;
        }

        position = 0;
        long at = 0;
        for (var first = true; position < operation.Length; first = false)
        {
            TryRead(operation, ref position, out var component);
            var last = position == operation.Length;
            Write(operation, component, first, last, columns, cursor);
            at += component.Kind switch
            {
                Retain => component.Number,
                Delete => 0,
                Text => CodeUnits(operation[component.Payload]),
                _ => 1,
            };
        }

        cursor = at;
        return true;
    }

    /// <summary>
    /// UTF-16 code units of a text: one for each byte that begins a character, and one more where that has four bytes.
    /// (Of bytes that are no text, just a number, the same each time.)
    /// </summary>
    public static int CodeUnits(ReadOnlySpan<byte> text)
    {
        var units = 0;
        foreach (var value in text)
            units += ((value & 0xC0) == 0x80 ? 0 : 1) + (value >= 0xF0 ? 1 : 0);
        return units;
    }

    private static void Write(
        ReadOnlySpan<byte> operation, in Component component, bool first, bool last, SegmentColumns columns, long cursor)
    {
        var kind = component.Kind | (component.Attributed ? Attributed : 0) | (last ? Last : 0);
        if (component.Kind == Embed && component.Number == 1)
            kind |= Value;
        columns[SegmentColumn.Components].WriteByte((byte)kind);
        if (component.Attributed)
            WriteJson(operation[component.Attributes], columns);
        switch (component.Kind)
        {
            case Retain when first:
                columns[SegmentColumn.Positions].WriteSigned(component.Number - cursor);
                break;
            case Retain:
                columns[SegmentColumn.Retains].WriteVarint((ulong)component.Number);
                break;
            case Delete:
                columns[SegmentColumn.Deletes].WriteVarint((ulong)component.Number);
                break;
            case Text:
                columns[SegmentColumn.TextLengths].WriteVarint((ulong)component.Number);
                columns[SegmentColumn.Text].Write(operation[component.Payload]);
                break;
            default:
                WriteJson(operation[component.Payload], columns);
                break;
        }
    }

    private static void WriteJson(ReadOnlySpan<byte> json, SegmentColumns columns)
    {
        columns[SegmentColumn.JsonLengths].WriteVarint((ulong)json.Length);
        columns[SegmentColumn.Json].Write(json);
    }

    private static bool TryRead(ReadOnlySpan<byte> operation, ref int position, out Component component)
    {
        component = default;
        if (!TryReadVarint(operation, ref position, out var header))
            return false;
        component.Kind = (int)(header & 3);
        component.Attributed = (header & Attributed) != 0;
        component.Number = (long)(header >> 3);
        if (component.Attributed && !TryReadBlock(operation, ref position, out component.Attributes))
            return false;
        switch (component.Kind)
        {
            case Text:
                if (component.Number > operation.Length - position)
                    return false;
                component.Payload = position..(position + (int)component.Number);
                position += (int)component.Number;
                return true;
            case Embed:
                return component.Number <= 1 && TryReadBlock(operation, ref position, out component.Payload);
            default:
                return component.Number <= int.MaxValue;
        }
    }

    private static bool TryReadBlock(ReadOnlySpan<byte> operation, ref int position, out Range block)
    {
        block = default;
        if (!TryReadVarint(operation, ref position, out var length) || length > (ulong)(operation.Length - position))
            return false;
        block = position..(position + (int)length);
        position += (int)length;
        return true;
    }

    /// <summary>False also for one that is longer than need be: it would come back shorter.</summary>
    private static bool TryReadVarint(ReadOnlySpan<byte> operation, ref int position, out ulong value)
    {
        value = 0;
        for (var shift = 0; shift < 35 && position < operation.Length; shift += 7)
        {
            var next = operation[position++];
            value |= (ulong)(next & 0x7F) << shift;
            if (next < 0x80)
                return next != 0 || shift == 0;
        }

        return false;
    }

    private struct Component
    {
        public int Kind;
        public bool Attributed;
        public long Number;
        public Range Attributes;
        public Range Payload;
    }
}
