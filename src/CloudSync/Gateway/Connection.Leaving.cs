// Whether a client has left, or only lost its connection: who has only lost it isn't seen to leave (CloudSync:ResumeWindow).

namespace CloudSync.Gateway;

internal sealed partial class Connection
{
    // The client closed the connection by itself, and said nothing of coming back.
    private volatile bool _clientLeft;

    // Its close frame has arrived. If it is the answer to ours, it says nothing that ours hadn't said.
    private void ClientClosed()
    {
        bool isOurs;
        lock (_gate)
            isOurs = _close is not null;
        _clientLeft = !isOurs && (int?)_socket.CloseStatus is not (>= CloseCode.FirstComeBack and <= CloseCode.LastComeBack);
    }

    // At the end of a document's session. Whoever is refused doesn't come back.
    private bool HasLeft(ConnectionDocument document)
    {
        lock (_gate)
        {
            return document.Closing
                ? !document.ComesBack
                : _clientLeft || _close is { Value: >= CloseCode.FirstRefusal };
        }
    }
}
