// Invert: the operation that takes another back, given the document before it.

using System.Buffers;

namespace CloudSync.Operations;

internal static class Inversion
{
    /// <param name="operation">An operation that fits the document.</param>
    /// <param name="document">Inserts only.</param>
    /// <param name="output">Receives the inverse.</param>
    public static void Invert(ReadOnlySpan<byte> operation, ReadOnlySpan<byte> document, IBufferWriter<byte> output)
    {
        var writer = new ComponentWriter(stackalloc byte[ByteBuffer.StackBytes]);
        var scratch = new ByteBuffer(stackalloc byte[ByteBuffer.StackBytes]);
        var done = new ComponentReader(operation);
        var before = new ComponentReader(document);
        try
        {
            while (!done.Ended)
            {
                if (done.IsInsert)
                {
                    writer.Delete(done.Length);
                    done.MoveNext();
                    continue;
                }

                var length = Math.Min(done.Length, before.Length);
                if (done.Kind == DeltaKind.Delete)
                    writer.Push(in before, length, before.Attributes);
                else if (done.Kind == DeltaKind.RetainEmbed)
                    ChangeEmbedBack(in done, in before, ref writer, ref scratch);
                else
                    writer.Retain(length, AttributeSet.Invert(done.Attributes, before.Attributes, ref scratch));
                done.Skip(length);
                before.Skip(length);
            }

            writer.Finish(output);
        }
        finally
        {
            writer.Dispose();
            scratch.Dispose();
        }
    }

    private static void ChangeEmbedBack(
        in ComponentReader done, in ComponentReader before, scoped ref ComponentWriter writer,
        scoped ref ByteBuffer scratch)
    {
        if (before.Kind != DeltaKind.InsertEmbed)
            throw Embeds.NotAnEmbed();
        Embeds.CheckSameType(before.Payload, done.Payload);
        writer.RetainEmbed(before.Payload, AttributeSet.Invert(done.Attributes, before.Attributes, ref scratch));
    }
}
