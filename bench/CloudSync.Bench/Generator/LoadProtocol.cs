// The seam between the generator, which connects, types by the clock and counts, and what is spoken on the connections. One
// subclass for each kind of server; one object of it for each thread, so it may keep state without a lock.

namespace CloudSync.Bench.Generator;

/// <summary>What a protocol tells the generator of what has come.</summary>
internal interface ILoadEvents
{
    /// <summary>The server has named itself. False: the client is to begin anew, on another one; its connection is closed.</summary>
    bool Welcomed(LoadClient client, string gateway);

    /// <summary>The document is open and at <see cref="LoadClient.Version"/>.</summary>
    void Opened(LoadClient client);

    /// <summary>A keystroke is on the client's screen. On its author's own it is acknowledged by that.</summary>
    /// <param name="client">Whose screen.</param>
    /// <param name="author">The number in its thread of the client that typed it; anything if it isn't one of these.</param>
    /// <param name="sequence">Which of the author's operations.</param>
    /// <param name="version">Which version of the document it made; 0 where there are no versions.</param>
    void Delivered(LoadClient client, long author, ulong sequence, long version);

    /// <summary>
    /// The server won't open the document just now; it may be asked for again on this connection after so long.
    /// </summary>
    void AskLater(LoadClient client, string reason, TimeSpan retryAfter);

    /// <summary>The server stops: the client is to go elsewhere at a moment between these, and is served until then.</summary>
    void GoingAway(LoadClient client, TimeSpan min, TimeSpan max);

    /// <summary>So many versions in a row came as one, without their authors.</summary>
    void DeliveredRun(LoadClient client, long firstVersion, long count);

    /// <summary>The server doesn't take an operation.</summary>
    /// <param name="client">Who typed it.</param>
    /// <param name="sequence">Which.</param>
    /// <param name="reason">What the server said.</param>
    /// <param name="maySendAgain">It would take it later: it is not refused for good.</param>
    void Refused(LoadClient client, ulong sequence, string reason, bool maySendAgain = false);

    /// <summary>Says something to the server at once.</summary>
    void Send(LoadClient client, ReadOnlySpan<byte> message);

    /// <summary>Something that is not an answer to a keystroke, of which it is only counted how many there were.</summary>
    void PresenceReceived(int bytes);

    /// <summary>The connection can't go on.</summary>
    /// <param name="client">Whose.</param>
    /// <param name="reason">Why; the same words for the same reason, so that they can be counted.</param>
    /// <param name="retryAfter">How long it is to stay away, if it may come back.</param>
    void Failed(LoadClient client, string reason, TimeSpan? retryAfter = null);
}

internal abstract class LoadProtocol
{
    /// <summary>How often something is to be sent, or the server takes the client for dead; known once a client is open.</summary>
    public TimeSpan HeartbeatInterval { get; protected set; } = TimeSpan.FromSeconds(25);

    /// <summary>After how long without a word the server is to be taken for dead.</summary>
    public TimeSpan HeartbeatTimeout { get; protected set; } = TimeSpan.FromSeconds(60);

    /// <summary>Whether messages are text and not binary.</summary>
    public virtual bool IsText => false;

    /// <summary>Where the WebSocket is: path and query.</summary>
    public abstract string PathOf(LoadClient client);

    /// <summary>What is said first when the WebSocket is there.</summary>
    /// <returns>How many bytes it wrote; 0 if the server speaks first.</returns>
    public abstract int Greet(LoadClient client, Span<byte> buffer);

    /// <summary>Asks for the document, on a connection that is greeted.</summary>
    /// <returns>How many bytes it wrote; 0 if the protocol has no such thing.</returns>
    public virtual int Open(LoadClient client, Span<byte> buffer) => 0;

    /// <summary>How many operations of one client may be under way at a time.</summary>
    public virtual int InFlightMax => 1;

    /// <summary>Whether several keystrokes may go out in one operation.</summary>
    public virtual bool Composes => true;

    /// <summary>Whether several operations, written one behind the other, are one message.</summary>
    public virtual bool JoinsOperations => true;

    /// <summary>Writes an operation, whose number is the client's Sequence.</summary>
    /// <param name="client">Who types.</param>
    /// <param name="keystrokes">How many letters it inserts; 1 unless they are composed.</param>
    /// <param name="buffer">Where to.</param>
    /// <returns>How many bytes it wrote.</returns>
    public abstract int Type(LoadClient client, int keystrokes, Span<byte> buffer);

    /// <summary>Writes the client's selection, moved to another place.</summary>
    public abstract int MoveSelection(LoadClient client, Span<byte> buffer);

    /// <summary>Writes a sign of life.</summary>
    public abstract int Beat(LoadClient client, Span<byte> buffer);

    /// <summary>Reads a message of the server's, where it stands.</summary>
    public abstract void Receive(LoadClient client, ReadOnlySpan<byte> message, ILoadEvents events);
}
