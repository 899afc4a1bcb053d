// A version as it is cached: the snapshot of its content under a hash with the log's key, which also covers which document
// and version it is of. So an entry that is damaged, cut off, forged, somebody else's or of another format is no entry.

using System.Buffers;
using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using CloudSync.Operations;

namespace CloudSync.Documents;

internal static class CachedVersion
{
    private const int HashBytes = SHA256.HashSizeInBytes;

    // Another format begins otherwise.
    private static ReadOnlySpan<byte> Magic => "CSv3"u8;

    public static byte[] Encode(in VersionKey key, DocumentState state, ReadOnlySpan<byte> logKey)
    {
        var snapshot = new ArrayBufferWriter<byte>();
        state.EncodeSnapshot(snapshot);
        var entry = new byte[Magic.Length + HashBytes + snapshot.WrittenCount];
        Magic.CopyTo(entry);
        snapshot.WrittenSpan.CopyTo(entry.AsSpan(Magic.Length + HashBytes));
        Hash(key, logKey, snapshot.WrittenSpan, entry.AsSpan(Magic.Length, HashBytes));
        return entry;
    }

    /// <summary>The content; null if the entry is not what it should be.</summary>
    public static DocumentState? Decode(in VersionKey key, ReadOnlySpan<byte> entry, ReadOnlySpan<byte> logKey)
    {
        if (entry.Length < Magic.Length + HashBytes || !entry.StartsWith(Magic) || DocumentType.Find(key.Type) is not { } type)
            return null;
        var snapshot = entry[(Magic.Length + HashBytes)..];
        Span<byte> hash = stackalloc byte[HashBytes];
        Hash(key, logKey, snapshot, hash);
        if (!CryptographicOperations.FixedTimeEquals(hash, entry.Slice(Magic.Length, HashBytes)))
            return null;
        try
        {
            return type.DecodeSnapshot(snapshot);
        }
        catch (OperationException)
        {
            return null;
        }
    }

    private static void Hash(in VersionKey key, ReadOnlySpan<byte> logKey, ReadOnlySpan<byte> snapshot, Span<byte> hash)
    {
        using var sha = IncrementalHash.CreateHMAC(HashAlgorithmName.SHA256, logKey);
        Span<byte> version = stackalloc byte[sizeof(long)];
        BinaryPrimitives.WriteInt64BigEndian(version, key.Version);
        sha.AppendData(version);
        // Neither an id nor a link nor a type has a zero byte in it.
        sha.AppendData(Encoding.UTF8.GetBytes($"{key.DocumentId}\0{key.Link}\0{key.Type}\0"));
        sha.AppendData(snapshot);
        sha.GetHashAndReset(hash);
    }
}
