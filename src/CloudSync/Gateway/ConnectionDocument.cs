// One document that is open on one connection, as the connection sees it: the session, and a place in the list of those
// that have something to be read. The list runs through these objects, so that being woken allocates nothing.

using CloudSync.Documents;

namespace CloudSync.Gateway;

internal sealed class ConnectionDocument(Connection connection, string id) : IDocumentSubscriber
{
    private int _dirty;

    public string Id => id;

    /// <summary>Null while the document is being opened. Set under the connection's lock.</summary>
    public DocumentSession? Session { get; set; }

    /// <summary>The client has closed it: the flush will dispose the session. Set under the connection's lock.</summary>
    public bool Closing { get; set; }

    /// <summary>The client has said that it opens it again. Set under the connection's lock.</summary>
    public bool ComesBack { get; set; }

    /// <summary>The next in whichever of the connection's lists this is. It is in one at the most.</summary>
    public ConnectionDocument? Next { get; set; }

    /// <summary>True if it was clean, and is now the caller's to put into a list.</summary>
    public bool TryMarkDirty() => Interlocked.Exchange(ref _dirty, 1) == 0;

    /// <summary>Before it is read, so that a wake during the read puts it into the list again.</summary>
    public void MarkClean() => Interlocked.Exchange(ref _dirty, 0);

    public void Wake(DocumentSession session) => connection.Wake(this);
}

/// <summary>A first-in, first-out list of documents; belongs to one flush.</summary>
internal struct ConnectionDocumentQueue
{
    private ConnectionDocument? _first;
    private ConnectionDocument? _last;

    public readonly bool IsEmpty => _first is null;

    public void Enqueue(ConnectionDocument document)
    {
        document.Next = null;
        if (_last is null)
            _first = document;
        else
            _last.Next = document;
        _last = document;
    }

    public bool TryDequeue(out ConnectionDocument document)
    {
        document = _first!;
        if (_first is null)
            return false;
        _first = _first.Next;
        if (_first is null)
            _last = null;
        document.Next = null;
        return true;
    }
}
