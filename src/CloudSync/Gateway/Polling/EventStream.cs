// How pieces are written: as server-sent events, in a stream and in the answer to a single poll alike. An event counts when the
// empty line behind it has come, so that an answer which was cut off says nothing that isn't whole.

using System.Buffers;
using System.Buffers.Text;
using System.Globalization;
using System.Text;

namespace CloudSync.Gateway.Polling;

internal static class EventStream
{
    /// <summary>A comment, which says no more than that there is somebody.</summary>
    public static ReadOnlySpan<byte> SignOfLife => ":\n\n"u8;

    public static void WritePiece(IBufferWriter<byte> output, Piece piece)
    {
        output.Write("id: "u8);
        var span = output.GetSpan(20);
        Utf8Formatter.TryFormat(piece.Number, span, out var digits);
        output.Advance(digits);
        output.Write(piece.EndsFrame ? "\ndata: "u8 : "\nevent: piece\ndata: "u8);
        var text = output.GetSpan(Base64.GetMaxEncodedToUtf8Length(piece.Bytes.Length));
        Base64.EncodeToUtf8(piece.Bytes, text, out _, out var written);
        output.Advance(written);
        output.Write("\n\n"u8);
    }

    /// <summary>The last event there is.</summary>
    public static void WriteClose(IBufferWriter<byte> output, int code, string reason) =>
        output.Write(Encoding.UTF8.GetBytes(
            string.Create(CultureInfo.InvariantCulture, $"event: close\ndata: {code} {reason}\n\n")));
}
