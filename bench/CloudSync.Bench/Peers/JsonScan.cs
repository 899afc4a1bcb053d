// Finds values in the JSON of the peers' messages, whose keys stand there once: nothing is parsed that isn't looked at.

using System.Buffers.Text;

namespace CloudSync.Bench.Peers;

internal static class JsonScan
{
    /// <summary>What stands behind a key; empty if it isn't there.</summary>
    /// <param name="json">The message.</param>
    /// <param name="key">With its quotes and colon.</param>
    public static ReadOnlySpan<byte> After(ReadOnlySpan<byte> json, ReadOnlySpan<byte> key)
    {
        var at = json.IndexOf(key);
        return at < 0 ? [] : json[(at + key.Length)..];
    }

    /// <summary>The number that bytes begin with; -1 if they don't.</summary>
    public static long Number(ReadOnlySpan<byte> bytes) => Utf8Parser.TryParse(bytes, out long value, out _) ? value : -1;

    /// <summary>Writes a number.</summary>
    /// <returns>How many bytes.</returns>
    public static int Write(Span<byte> buffer, long value) => Utf8Formatter.TryFormat(value, buffer, out var written) ? written : 0;

    /// <summary>Writes text behind what is there.</summary>
    /// <returns>The length of all of it.</returns>
    public static int Append(Span<byte> buffer, int length, ReadOnlySpan<byte> text)
    {
        text.CopyTo(buffer[length..]);
        return length + text.Length;
    }
}
