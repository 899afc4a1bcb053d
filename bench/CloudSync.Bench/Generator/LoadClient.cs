// One connection of the generator: what has to be known of it while nothing happens, and that is little.

namespace CloudSync.Bench.Generator;

internal enum ClientState : byte
{
    /// <summary>There is no connection (yet, or any more).</summary>
    None,

    /// <summary>TCP is being connected.</summary>
    Connecting,

    /// <summary>The upgrade was asked for.</summary>
    Upgrading,

    /// <summary>It is a WebSocket; the document isn't open yet.</summary>
    Opening,

    /// <summary>The document is open.</summary>
    Live,

    /// <summary>It comes back later: the server wants it so, or it has lost its connection.</summary>
    Waiting,

    /// <summary>It is connected, and is to ask for its document again later.</summary>
    Asking,

    /// <summary>It has broken, and stays so.</summary>
    Broken,
}

/// <summary>A connection with one document open on it: one person's screen.</summary>
/// <param name="document">Which.</param>
/// <param name="index">Its number in its thread.</param>
/// <param name="number">Its number among the clients of its document, from 0.</param>
internal sealed class LoadClient(LoadDocument document, int index, int number)
{
    public LoadDocument Document { get; } = document;

    public int Index { get; } = index;

    public int Number { get; } = number;

    public ClientState State { get; set; }

    /// <summary>The file descriptor; -1 if there is none.</summary>
    public int Socket { get; set; } = -1;

    /// <summary>Milliseconds since the thread began.</summary>
    public int SentAt { get; set; }

    /// <summary>Milliseconds since the thread began.</summary>
    public int HeardAt { get; set; }

    /// <summary>The newest version that has come here, for protocols that have versions.</summary>
    public long Version { get; set; }

    /// <summary>The number of the last operation that it has sent.</summary>
    public ulong Sequence { get; set; }

    /// <summary>Which gateway it is on, as its thread counts them.</summary>
    public short Gateway { get; set; } = -1;

    /// <summary>How often it had to begin anew.</summary>
    public short Attempts { get; set; }

    /// <summary>Whether it has given its first sign of life.</summary>
    public bool HasBeaten { get; set; }

    /// <summary>Null for one that only watches.</summary>
    public LoadWriter? Writer { get; set; }

    /// <summary>Null for one that is lost with its connection.</summary>
    public Comeback? Comeback { get; set; }

    /// <summary>What has come of a frame, or a message, that isn't whole yet. Null nearly always.</summary>
    public PartialMessage? Partial { get; set; }

    /// <summary>What carries the connection if it isn't a WebSocket; posts go over <see cref="Socket"/>.</summary>
    public PolledLoad? Polls { get; set; }

    /// <summary>What the socket doesn't take just now. Null nearly always.</summary>
    public byte[]? Unsent { get; set; }
}

/// <summary>What a protocol keeps of a message in the making.</summary>
internal sealed class PartialMessage
{
    /// <summary>Bytes as they were received, from the first frame on that isn't whole.</summary>
    public byte[] Received { get; set; } = [];

    public int ReceivedLength { get; set; }

    /// <summary>The payloads so far of a message in several frames.</summary>
    public byte[] Message { get; set; } = [];

    public int MessageLength { get; set; }

    public Opcode MessageOpcode { get; set; }

    public bool IsInMessage { get; set; }
}
