// Reads the body of a post: whole, since a post that broke off is sent again from its beginning.

namespace CloudSync.Gateway.Polling;

internal static class FrameBody
{
    private const int FirstBytes = 4096;

    // As at a WebSocket: each so many bytes have the time of ReceiveTimeout.
    private const int ProgressBytes = 16 * 1024;

    /// <summary>The body, or null if it has more bytes than the limit.</summary>
    /// <param name="body">The body of a request.</param>
    /// <param name="limit">In bytes.</param>
    /// <param name="progress">Called for each 16 KiB.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public static async Task<byte[]?> ReadAsync(Stream body, int limit, Action progress, CancellationToken cancellationToken)
    {
        // Grows as bytes come, and not with what is promised.
        var frame = new byte[Math.Min(FirstBytes, limit + 1)];
        for (int count = 0, reported = 0; ;)
        {
            var read = await body.ReadAsync(frame.AsMemory(count), cancellationToken);
            count += read;
            if (count > limit)
                return null;
            if (read == 0)
                return frame.AsSpan(0, count).ToArray();
            if (count == frame.Length)
                Array.Resize(ref frame, (int)Math.Min(frame.Length * 2L, limit + 1L));
            if (count - reported < ProgressBytes)
                continue;
            reported = count;
            progress();
        }
    }
}
