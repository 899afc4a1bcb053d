// Compose: one operation that does what two do in turn.
//
// quill-delta's compose always puts an insert before a delete at the same place. That changes nothing for the document,
// but it does for a concurrent insert within what was deleted: whether it comes before or after the insert. A composition
// that keeps the order in which things came about sends it where the two operations in turn would.

using System.Buffers;

namespace CloudSync.Operations;

internal static class Composition
{
    public static void Compose(
        ReadOnlySpan<byte> first, ReadOnlySpan<byte> second, bool keepsOrder, IBufferWriter<byte> output)
    {
        var writer = new ComponentWriter(stackalloc byte[ByteBuffer.StackBytes], keepsOrder);
        try
        {
            Compose(first, second, ref writer);
            writer.Finish(output);
            return;
        }
        catch (OperationException e) when (e.Error == OperationError.SplitsSurrogatePair)
        {
            // A boundary between two components that do the same cuts nothing. There is none in canonical form: again.
        }
        finally
        {
            writer.Dispose();
        }

        ComposeCanonical(first, second, keepsOrder, output);
    }

    private static void ComposeCanonical(
        ReadOnlySpan<byte> first, ReadOnlySpan<byte> second, bool keepsOrder, IBufferWriter<byte> output)
    {
        var canonical = new ComponentWriter(stackalloc byte[ByteBuffer.StackBytes]);
        var writer = new ComponentWriter(stackalloc byte[ByteBuffer.StackBytes], keepsOrder);
        try
        {
            Compose(first, Canonical.Rewrite(second, ref canonical), ref writer);
            writer.Finish(output);
        }
        finally
        {
            canonical.Dispose();
            writer.Dispose();
        }
    }

    private static void Compose(ReadOnlySpan<byte> first, ReadOnlySpan<byte> second, ref ComponentWriter writer)
    {
        var before = new ComponentReader(first);
        var after = new ComponentReader(second);
        var scratch = new ByteBuffer(stackalloc byte[ByteBuffer.StackBytes]);
        try
        {
            while (!before.Ended || !after.Ended)
            {
                if (after.IsInsert)
                {
                    writer.Push(in after, after.Length, after.Attributes);
                    after.MoveNext();
                    continue;
                }

                if (before.Kind == DeltaKind.Delete)
                {
                    writer.Delete(before.Length);
                    before.MoveNext();
                    continue;
                }

                var length = Math.Min(before.Length, after.Length);
                if (after.Kind == DeltaKind.Delete)
                {
                    if (!before.IsInsert)
                        writer.Delete(length);
                }
                else
                {
                    // quill-delta drops the nulls over an embed's change, too, and so forgets to remove an attribute.
                    var attributes = AttributeSet.Compose(
                        before.Attributes, after.Attributes, keepNulls: !before.IsInsert, ref scratch);
                    if (after.Kind == DeltaKind.RetainEmbed)
                        ChangeEmbed(in before, in after, attributes, ref writer);
                    else
                        writer.Push(in before, length, attributes);
                }

                before.Skip(length);
                after.Skip(length);
            }
        }
        finally
        {
            scratch.Dispose();
        }
    }

    private static void ChangeEmbed(
        in ComponentReader before, in ComponentReader after, scoped ReadOnlySpan<byte> attributes,
        scoped ref ComponentWriter writer)
    {
        switch (before.Kind)
        {
            case DeltaKind.Retain:
                writer.RetainEmbed(after.Payload, attributes);
                break;
            case DeltaKind.InsertEmbed:
                writer.InsertEmbed(Embeds.Compose(before.Payload, after.Payload, isChange: false), attributes);
                break;
            case DeltaKind.RetainEmbed:
                writer.RetainEmbed(Embeds.Compose(before.Payload, after.Payload, isChange: true), attributes);
                break;
            default:
                throw Embeds.NotAnEmbed();
        }
    }
}
