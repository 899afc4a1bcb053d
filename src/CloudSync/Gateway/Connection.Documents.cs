// Documents on this connection: opened, edited, closed.
//
// A document is in _documents from its Open until its session was disposed. While it is being opened, or is waiting for
// the flush to dispose it, the next message about it waits, so that what concerns one document happens in order.

using System.Buffers;
using System.Text;
using CloudSync.Documents;
using CloudSync.Protocol;
using CloudSync.Protocol.V1;

namespace CloudSync.Gateway;

internal sealed partial class Connection
{
    // So many documents are loaded at a time for one connection; its next Open waits for one of them. Whoever opens
    // thousands at once holds up nobody but itself.
    private const int OpeningAtOnce = 8;

    // Under _gate. Made with the first document: many connections only wait.
    private Dictionary<string, ConnectionDocument>? _documents;
    private int _opening;

    private bool HandleOpen(Open open)
    {
        Refusal refusal;
        ConnectionDocument? document = null;
        lock (_gate)
        {
            var limit = _gateway.Options.Limits.DocumentsPerConnection;
            if (!DocumentIds.IsValid(open.DocumentId))
            {
                refusal = Refusals.InvalidDocumentId;
            }
            else if (_documents is not null && _documents.TryGetValue(open.DocumentId, out var other))
            {
                if (other.Closing)
                    return Wait_NeedsGate();
                refusal = GatewayRefusals.DocumentAlreadyOpen;
            }
            else if (_documents?.Count >= limit)
            {
                refusal = GatewayRefusals.TooManyDocuments(limit);
            }
            else if (open.FromVersion > long.MaxValue)
            {
                refusal = GatewayRefusals.VersionUnknown(open.FromVersion);
            }
            else if (_opening >= OpeningAtOnce)
            {
                return Wait_NeedsGate();
            }
            else if (_gateway.Admission.CheckOpen(Address, UserIdOfHost, _gateway.Documents.IsInMemory(open.DocumentId)) is { } notNow)
            {
                refusal = notNow;
            }
            else
            {
                document = new ConnectionDocument(this, open.DocumentId);
                _documents ??= new Dictionary<string, ConnectionDocument>(1, StringComparer.Ordinal);
                _documents.Add(document.Id, document);
                _opening++;
                refusal = null!;
            }
        }

        if (document is null)
            Answer(refusal, open.DocumentId);
        else
            _ = OpenAsync(
                document, new SessionRequest(_clientId, _user!, open.HasFromVersion ? (long)open.FromVersion : null));
        return true;
    }

    private async Task OpenAsync(ConnectionDocument document, SessionRequest request)
    {
        DocumentSession? session = null;
        Refusal? refusal = null;
        try
        {
            session = await _gateway.Documents.OpenAsync(document.Id, request, document, _gateway.Stopped);
        }
        catch (RefusedException exception)
        {
            refusal = exception.Refusal;
        }
        catch (OperationCanceledException) when (_gateway.Stopped.IsCancellationRequested)
        {
            refusal = Refusals.ShuttingDown;
        }
        catch (Exception exception)
        {
            GatewayLog.OpenBroke(_gateway.Log, exception, document.Id, Id);
            refusal = GatewayRefusals.Internal;
        }

        bool keep;
        lock (_gate)
        {
            keep = session is not null && !_ended;
            if (keep)
                document.Session = session;
            else
                _documents!.Remove(document.Id);
        }

        // The answer stands before whatever a client that waited for it is answered next.
        if (refusal is not null)
            Answer(refusal, document.Id);
        else if (keep)
            Wake(document);
        else
            DisposeSession(document, session!);
        lock (_gate)
        {
            _opening--;
            TellProgress_NeedsGate();
        }
    }

    private bool HandleClose(Close close)
    {
        ConnectionDocument? document;
        lock (_gate)
        {
            // Not open: the server's Closed may have crossed it on the way.
            if (_documents is null || !_documents.TryGetValue(close.DocumentId, out document) || document.Closing)
                return true;
            if (document.Session is null)
                return Wait_NeedsGate();
            document.Closing = true;
            document.ComesBack = close.ComesBack;
        }

        Wake(document);
        return true;
    }

    private bool HandleSubmit(SubmitView submit)
    {
        // Ids are ASCII; one that isn't, or is too long, is not found, and the answer then says so.
        Span<char> id = stackalloc char[64];
        var length = 0;
        if (submit.DocumentId.Length > id.Length
            || Ascii.ToUtf16(submit.DocumentId, id, out length) != OperationStatus.Done)
        {
            length = 0;
        }

        if (!TryFind(id[..length], out var session))
            return false;
        if (session is null)
            AnswerNotOpen(Encoding.UTF8.GetString(submit.DocumentId), submit.ClientSequence);
        else if (submit.BaseVersion > long.MaxValue)
            Answer(
                GatewayRefusals.VersionUnknown(submit.BaseVersion), session.DocumentId, submit.ClientSequence);
        else
            session.Submit((long)submit.BaseVersion, submit.ClientSequence, submit.Operation);
        return true;
    }

    private bool HandleSetPresence(SetPresence presence)
    {
        if (!TryFind(presence.DocumentId, out var session))
            return false;
        if (session is null)
        {
            AnswerNotOpen(presence.DocumentId);
            return true;
        }

        if (presence.User is { } said)
        {
            if (Identity.Check(ErrorCode.PresenceInvalid, said) is { } refusal)
            {
                Answer(refusal, presence.DocumentId);
                return true;
            }

            presence.User = _user = Identity.Settle(said, _host, _clientId);
        }

        session.SetPresence(presence);
        return true;
    }

    /// <summary>The session in a document, null if it is not open; false if it is being opened: wait.</summary>
    private bool TryFind(ReadOnlySpan<char> documentId, out DocumentSession? session)
    {
        session = null;
        lock (_gate)
        {
            if (_documents is null
                || !_documents.GetAlternateLookup<ReadOnlySpan<char>>().TryGetValue(documentId, out var document)
                || document.Closing)
            {
                return true;
            }

            session = document.Session;
            return session is not null || Wait_NeedsGate();
        }
    }

    private void AnswerNotOpen(string documentId, ulong clientSequence = 0) => Answer(
        DocumentIds.IsValid(documentId) ? GatewayRefusals.DocumentNotOpen : Refusals.InvalidDocumentId, documentId,
        clientSequence);

    private bool Wait_NeedsGate()
    {
        Block_NeedsGate();
        return false;
    }
}
