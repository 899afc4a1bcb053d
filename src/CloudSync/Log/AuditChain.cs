// The hash chain of a document: each link covers an operation, everything that is known of it, and all before it.

using System.Buffers;
using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace CloudSync.Log;

/// <summary>One link of a document's audit chain.</summary>
/// <param name="Version">The version of the operation that it covers last.</param>
/// <param name="Hash"><see cref="AuditChain.HashBytes"/> bytes.</param>
public readonly record struct AuditLink(long Version, ReadOnlyMemory<byte> Hash);

/// <summary>
/// Computes audit chains, in every implementation of the log alike. A document's chain begins with <see cref="Begin"/>;
/// each operation's link is SHA-256 of the link before it, the <see cref="Digest"/> of the operation and the moment at which
/// it was committed. The moment stands by itself because the log may raise it (<see cref="NewOperation.CommittedAt"/>).
/// </summary>
/// <remarks>
/// The chain shows whether anything before a link was changed, removed or inserted, to whoever kept that link somewhere
/// else. Who can write to the log can compute another chain; what he can't do is to make it end in the same link.
/// </remarks>
public static class AuditChain
{
    /// <summary>Bytes of a link and of a digest.</summary>
    public const int HashBytes = SHA256.HashSizeInBytes;

    /// <summary>What the first link follows: SHA-256 of "cloudsync/1", a zero byte and the document's id in UTF-8.</summary>
    public static byte[] Begin(string documentId) => SHA256.HashData(Encoding.UTF8.GetBytes("cloudsync/1\0" + documentId));

    /// <summary>
    /// SHA-256 of an operation: its version, client id, client sequence and base version, each in 8 bytes, big-endian; the
    /// number of bytes of the author's id in UTF-8 in 4 bytes, these bytes, and the operation's own.
    /// </summary>
    /// <param name="version">The version that it leads to.</param>
    /// <param name="operation">The operation; its time does not count.</param>
    /// <param name="digest"><see cref="HashBytes"/> bytes to write to.</param>
    public static void Digest(long version, in NewOperation operation, Span<byte> digest)
    {
        const int Fixed = (4 * sizeof(long)) + sizeof(int);
        var authorBytes = Encoding.UTF8.GetByteCount(operation.Author);
        var length = Fixed + authorBytes + operation.Bytes.Length;
        byte[]? rented = null;
        var bytes = length <= 512 ? stackalloc byte[512] : rented = ArrayPool<byte>.Shared.Rent(length);
        BinaryPrimitives.WriteInt64BigEndian(bytes, version);
        BinaryPrimitives.WriteUInt64BigEndian(bytes[8..], operation.ClientId);
        BinaryPrimitives.WriteUInt64BigEndian(bytes[16..], operation.ClientSequence);
        BinaryPrimitives.WriteInt64BigEndian(bytes[24..], operation.BaseVersion);
        BinaryPrimitives.WriteInt32BigEndian(bytes[32..], authorBytes);
        Encoding.UTF8.GetBytes(operation.Author, bytes[Fixed..]);
        operation.Bytes.Span.CopyTo(bytes[(Fixed + authorBytes)..]);
        SHA256.HashData(bytes[..length], digest);
        if (rented is not null)
            ArrayPool<byte>.Shared.Return(rented);
    }

    /// <summary>
    /// The link after another one: SHA-256 of that one, the digest, and the moment in microseconds since 1970 in 8 bytes,
    /// big-endian.
    /// </summary>
    /// <param name="previous">The link before; may be the same memory as <paramref name="link"/>.</param>
    /// <param name="digest">What <see cref="Digest"/> wrote.</param>
    /// <param name="committedMicroseconds">When the operation was committed, as the log keeps it.</param>
    /// <param name="link"><see cref="HashBytes"/> bytes to write to.</param>
    public static void Link(
        ReadOnlySpan<byte> previous, ReadOnlySpan<byte> digest, long committedMicroseconds, Span<byte> link)
    {
        Span<byte> bytes = stackalloc byte[(2 * HashBytes) + sizeof(long)];
        previous.CopyTo(bytes);
        digest.CopyTo(bytes[HashBytes..]);
        BinaryPrimitives.WriteInt64BigEndian(bytes[(2 * HashBytes)..], committedMicroseconds);
        SHA256.HashData(bytes, link);
    }

    /// <summary>The link after another one, for an operation that is in the log.</summary>
    /// <param name="previous">The link before; may be the same memory as <paramref name="link"/>.</param>
    /// <param name="operation">The operation.</param>
    /// <param name="link"><see cref="HashBytes"/> bytes to write to.</param>
    public static void Link(ReadOnlySpan<byte> previous, in LoggedOperation operation, Span<byte> link)
    {
        Span<byte> digest = stackalloc byte[HashBytes];
        Digest(
            operation.Version,
            new NewOperation(
                operation.ClientId, operation.ClientSequence, operation.BaseVersion, operation.Author,
                operation.CommittedAt, operation.Bytes),
            digest);
        Link(previous, digest, HistorySegment.Microseconds(operation.CommittedAt), link);
    }
}
