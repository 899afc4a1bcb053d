// Transform: an operation rewritten to be applied after a concurrent one.

using System.Buffers;

namespace CloudSync.Operations;

internal static class Transformation
{
    public static void Transform(
        ReadOnlySpan<byte> operation, ReadOnlySpan<byte> over, Side side, IBufferWriter<byte> output)
    {
        var mine = new ComponentReader(operation);
        var theirs = new ComponentReader(over);
        var writer = new ComponentWriter(stackalloc byte[ByteBuffer.StackBytes]);
        var scratch = new ByteBuffer(stackalloc byte[ByteBuffer.StackBytes]);
        try
        {
            while (!mine.Ended)
            {
                if (theirs.IsInsert && (side == Side.Right || !mine.IsInsert))
                {
                    writer.Retain(theirs.Length, default);
                    theirs.MoveNext();
                    continue;
                }

                if (mine.IsInsert)
                {
                    writer.Push(in mine, mine.Length, mine.Attributes);
                    mine.MoveNext();
                    continue;
                }

                var length = Math.Min(mine.Length, theirs.Length);
                if (theirs.Kind == DeltaKind.Delete)
                {
                    // Nothing is left of what stood here.
                }
                else if (mine.Kind == DeltaKind.Delete)
                {
                    writer.Delete(length);
                }
                else
                {
                    var attributes = AttributeSet.Transform(mine.Attributes, theirs.Attributes, side, ref scratch);
                    if (mine.Kind == DeltaKind.Retain)
                        writer.Retain(length, attributes);
                    else if (theirs.Kind == DeltaKind.RetainEmbed)
                        writer.RetainEmbed(Embeds.Transform(mine.Payload, theirs.Payload, side), attributes);
                    else
                        writer.RetainEmbed(mine.Payload, attributes);
                }

                mine.Skip(length);
                theirs.Skip(length);
            }

            writer.Finish(output);
        }
        finally
        {
            writer.Dispose();
            scratch.Dispose();
        }
    }

    public static int TransformPosition(int position, ReadOnlySpan<byte> over, Side side)
    {
        long index = position;
        long offset = 0;
        for (var theirs = new ComponentReader(over); !theirs.Ended && offset <= index; theirs.MoveNext())
        {
            if (theirs.Kind == DeltaKind.Delete)
            {
                index -= Math.Min(theirs.Length, index - offset);
                continue;
            }

            if (theirs.IsInsert && (offset < index || side == Side.Right))
                index += theirs.Length;
            offset += theirs.Length;
        }

        return (int)Math.Min(index, int.MaxValue);
    }
}
