// Everything about the client that can be set.

namespace CloudSync.Client;

/// <summary>How a <see cref="CloudSyncClient"/> behaves. Read when the client is created, <see cref="Token"/> excepted.</summary>
public sealed class CloudSyncClientOptions
{
    /// <summary>Who is typing, as others see it.</summary>
    public User User { get; set; } = new("", "", "");

    /// <summary>
    /// A credential for servers that ask for one. Read at every connection, so it may be renewed at any time; on the
    /// connection there is, <see cref="CloudSyncClient.RenewTokenAsync"/> renews it.
    /// </summary>
    public string Token { get; set; } = "";

    /// <summary>
    /// Asked for the token instead, at every connection, and again before the one that it gave ends, if the server says when:
    /// then the new one is given to the server on the living connection. Called while the client is locked, like a
    /// handler of an event: it must not wait for another thread before it returns its task. If it fails when the client
    /// connects, the client comes back later.
    /// </summary>
    public Func<Task<string>>? TokenProvider { get; set; }

    /// <summary>Named in the server's logs; at most 64 bytes.</summary>
    public string Agent { get; set; } = "cloudsync-dotnet/0.1.0";

    /// <summary>How to connect; where the network breaks WebSockets, the client falls back to plain requests by itself.</summary>
    public TransportKind Transport { get; set; }

    /// <summary>How long a connection may take until the server has welcomed it.</summary>
    public TimeSpan ConnectTimeout { get; set; } = TimeSpan.FromSeconds(15);

    /// <summary>The n-th attempt in a row to come back waits a random time between 0 and n times this …</summary>
    public TimeSpan BackoffStep { get; set; } = TimeSpan.FromSeconds(0.25);

    /// <summary>… but between 0 and this at the most.</summary>
    public TimeSpan BackoffMax { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>
    /// Each time that a connection has lasted this long, one of the attempts in a row is forgotten; so one that holds for a moment
    /// only, again and again, is waited for longer each time. <see cref="Timeout.InfiniteTimeSpan"/>: none ever is.
    /// </summary>
    public TimeSpan BackoffForgetAfter { get; set; } = TimeSpan.FromSeconds(2);

    /// <summary>Bytes in one message from the server, at most; a snapshot travels in one.</summary>
    public int MaxFrameBytes { get; set; } = 256 << 20;

    /// <summary>Edits waiting to be sent are composed into operations of about this many bytes at the most.</summary>
    public int ComposeBytes { get; set; } = 32 << 10;

    /// <summary>How many steps can be undone in each document; 0 for none, which saves the work for it.</summary>
    public int UndoSteps { get; set; } = 100;

    /// <summary>How many bytes the steps of a document have together. The newest is kept whatever it has.</summary>
    public long UndoBytes { get; set; } = 8 << 20;

    /// <summary>Edits that come closer together than this, and touch each other, are undone in one step.</summary>
    public TimeSpan UndoPause { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>
    /// Where edits that aren't acknowledged survive the end of the program; null for nowhere. The client takes its
    /// <see cref="ClientId"/> from there, and doesn't dispose of it.
    /// </summary>
    public ClientOutbox? Outbox { get; set; }

    /// <summary>With an outbox: how many bytes the edits of a document that aren't acknowledged may have.</summary>
    public long OutboxBytes { get; set; } = 64 << 20;

    /// <summary>Names the client for ever; 0 for a random name. Two clients must never share one.</summary>
    public ulong ClientId { get; set; }

    /// <summary>The clock.</summary>
    public TimeProvider Clock { get; set; } = TimeProvider.System;

    /// <summary>Where jitter comes from.</summary>
    public Random Random { get; set; } = Random.Shared;

    /// <summary>Makes the connections, and then there is one kind of them, unless there is the next one too.</summary>
    internal Func<Uri, ClientTransport>? TransportFactory { get; set; }

    /// <summary>Makes the connections over plain requests, which read as it is told.</summary>
    internal Func<Uri, PollKinds, ClientTransport>? PolledTransportFactory { get; set; }

    /// <summary>After how long over plain requests a WebSocket is tried for the first time; null: as usual.</summary>
    internal TimeSpan? TrialAfter { get; set; }
}
