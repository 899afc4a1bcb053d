// A part of a frame on its way over polls.

namespace CloudSync.Gateway.Polling;

/// <summary>A part of a frame, kept until the client has acknowledged it.</summary>
/// <param name="number">Its number on this connection, from 1.</param>
/// <param name="bytes">What of the frame is in it.</param>
/// <param name="endsFrame">The frame is complete with it.</param>
internal sealed class Piece(long number, byte[] bytes, bool endsFrame)
{
    // What it takes besides its bytes, roughly: many small ones are many objects.
    private const int OwnBytes = 96;

    public long Number => number;

    public byte[] Bytes => bytes;

    public bool EndsFrame => endsFrame;

    /// <summary>What it counts in the window.</summary>
    public int Cost => bytes.Length + OwnBytes;

    /// <summary>The piece behind it. Set once, under the lock of the output.</summary>
    public Piece? Next { get; set; }
}
