// Who is in the document: what this gateway's sessions show, what the other gateways say of theirs, and when it is passed
// on. Never on the write path: an edit waits for nobody's caret.

using System.Buffers;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using CloudSync.Presence;
using CloudSync.Protocol.V1;

namespace CloudSync.Documents;

internal sealed partial class OpenDocument
{
    // Changes that come closer together than this are shown together.
    private static readonly TimeSpan _presenceInterval = TimeSpan.FromMilliseconds(40);

    // Gateways say everything again as often as heads are compared. Whoever was not told of so many times has left, and the word of
    // it was lost: his gateway has nobody in the document any more, and so doesn't speak of it.
    private const int UntoldRepeats = 6;

    // Beyond this the oldest are dropped; their gateway is asked again when it is heard next.
    private const int MaxRemotePresence = 64;

    private readonly Queue<(string GatewayId, PresenceShared Shared)> _remotePresence = new();
    private long _revealedTimestamp;
    private ITimer? _revealTimer;
    private bool _revealScheduled;

    /// <summary>Replaces what a session shows.</summary>
    public void SetPresence(OpenDocumentSession session, SetPresence presence)
    {
        if (CheckPresence(presence) is { } refusal)
        {
            _parts.Metrics.Refused(refusal.Code);
            Answer(session, ServerChunks.Refused(Id, 0, refusal), wasPending: false);
            return;
        }

        var renamed = false;
        lock (_gate)
        {
            if (session.Index < 0)
                return;
            if (presence.User is { } user)
            {
                renamed = session.User.Name != user.Name;
                session.Show(user);
            }

            var selection = presence.Selection is { } selected
                ? AtHead_NeedsLock(session.ClientId, (long)presence.Version, selected)
                : null;
            if (_presence.Set(session.ClientId, session, new(session.User, selection, presence.State)))
                _parts.Metrics.PresenceResumed();
        }

        PresenceChanged();
        if (renamed)
            _parts.Sessions.Changed(Id);
    }

    private Refusal? CheckPresence(SetPresence presence)
    {
        var limit = _parts.Options.Limits.PresenceBytes;
        var length = Encoding.UTF8.GetByteCount(presence.State);
        if (length > limit)
            return Refusals.PresenceTooLarge(length, limit);
        if (presence.Selection is { } selection && Math.Max(selection.Anchor, selection.Focus) > int.MaxValue)
            return Refusals.PresenceInvalid("A selection's positions are at most 2,147,483,647.");
        if (presence.Selection is not null && !_type.HasPositions)
            return Refusals.NoPositions(_type.Name);
        if (length == 0)
            return null;
        try
        {
            using var _ = JsonDocument.Parse(presence.State);
            return null;
        }
        catch (JsonException)
        {
            return Refusals.PresenceInvalid("A presence state is JSON, or empty.");
        }
    }

    // A selection from a version of which the operations since are no longer in memory can't be placed: none is shown.
    private (int Anchor, int Focus)? AtHead_NeedsLock(ulong clientId, long version, Selection selected)
    {
        if (!_type.HasPositions)
            return null;
        var selection = ((int)selected.Anchor, (int)selected.Focus);
        if (version < _head)
        {
            var since = new List<MeasuredOperation>();
            if (!_recent.TryCollect(version, _head, since))
                return null;
            selection = DocumentPresence.Move(_type, clientId, selection, CollectionsMarshal.AsSpan(since));
        }

        var length = _state.Length;
        return (Math.Clamp(selection.Item1, 0, length), Math.Clamp(selection.Item2, 0, length));
    }

    // People have names; whoever has none (a program, say) is shown once it shows itself.
    private void EnterPresence_NeedsLock(OpenDocumentSession session)
    {
        if (session.User.Name.Length > 0 && _presence.Enter(session.ClientId, session, session.User))
            _parts.Metrics.PresenceResumed();
    }

    // Whose connection was lost mostly comes back, and isn't seen to leave until it is clear that it doesn't.
    private void LeavePresence_NeedsLock(OpenDocumentSession session, SessionEnd end)
    {
        if (end == SessionEnd.Closed || _parts.Options.ResumeWindow == TimeSpan.Zero)
            _presence.Leave(session.ClientId, session, closed: end == SessionEnd.Closed);
        else if (_presence.Lose(session.ClientId, session, _parts.Time.GetTimestamp()))
            _parts.Metrics.PresenceLost();
    }

    /// <summary>Takes out whoever has lost the connection and has not come back in time.</summary>
    private void EndLostPresence()
    {
        int ended;
        lock (_gate)
        {
            if (_presence.LostCount == 0)
                return;
            var window = (long)(_parts.Options.ResumeWindow.TotalSeconds * _parts.Time.TimestampFrequency);
            ended = _presence.EndLost(_parts.Time.GetTimestamp() - window);
        }

        _parts.Metrics.PresenceLapsed(ended);
        if (ended > 0)
            PresenceChanged();
    }

    private void AdvancePresence_NeedsLock(CommittedBatch batch) => _presence.Advance(_type, batch.Operations);

    private void ReadPresence_NeedsLock(OpenDocumentSession session, IBufferWriter<byte> output)
    {
        var cursor = session.PresenceCursor;
        if (_presence.Encode(ref cursor, _head) is { } chunk)
            output.Write(chunk);
        session.PresenceCursor = cursor;
    }

    // Shows changes at once when there were none just now; else when the interval is over.
    private void PresenceChanged()
    {
        lock (_gate)
        {
            if (_revealScheduled || !_presence.HasHidden)
                return;
            var wait = _presenceInterval - _parts.Time.GetElapsedTime(_revealedTimestamp);
            if (_revealedTimestamp != 0 && wait > TimeSpan.Zero)
            {
                _revealScheduled = true;
                _revealTimer ??= _parts.Time.CreateTimer(
                    static state => ((OpenDocument)state!).RevealPresence(), this, Timeout.InfiniteTimeSpan,
                    Timeout.InfiniteTimeSpan);
                _revealTimer.Change(wait, Timeout.InfiniteTimeSpan);
                return;
            }
        }

        RevealPresence();
    }

    private void RevealPresence()
    {
        bool isNew;
        lock (_gate)
        {
            _revealScheduled = false;
            _revealedTimestamp = _parts.Time.GetTimestamp();
            isNew = _presence.Reveal();
            if (_evicted && _revealTimer is not null)
            {
                _revealTimer.Dispose();
                _revealTimer = null;
            }
        }

        if (isNew)
            WakeSessions();
        SharePresence(everybody: false);
    }

    /// <summary>Tells the other gateways who is here.</summary>
    public void SharePresence(bool everybody)
    {
        PresenceShared? shared;
        lock (_gate)
            shared = _loaded ? _presence.Share(_head, everybody) : null;
        if (shared is not null)
            PublishToGateways(new FanoutMessage { PresenceShared = shared });
    }

    private void OnPresenceShared(string gatewayId, PresenceShared shared)
    {
        lock (_gate)
        {
            if (_remotePresence.Count >= MaxRemotePresence)
                _remotePresence.Dequeue();
            _remotePresence.Enqueue((gatewayId, shared));
            // Its positions make sense at its version: the worker gets there first.
            _hintedVersion = Math.Max(_hintedVersion, (long)shared.Version);
        }

        WakeWorker();
    }

    private void ApplyRemotePresence()
    {
        lock (_gate)
        {
            if (_remotePresence.Count == 0)
                return;
            while (_remotePresence.TryDequeue(out var remote))
            {
                var (gatewayId, shared) = remote;
                if (shared.Everybody)
                {
                    var present = shared.Entries.Select(entry => entry.ClientId).ToHashSet();
                    _presence.RemoveRemote(entry => entry.GatewayId == gatewayId && !present.Contains(entry.ClientId));
                }

                foreach (var clientId in shared.Closed)
                    _presence.LeaveRemote(gatewayId, clientId, closed: true);
                foreach (var clientId in shared.Left)
                    _presence.LeaveRemote(gatewayId, clientId, closed: false);
                foreach (var entry in shared.Entries)
                {
                    var selection = entry.Selection is { } selected
                        ? AtHead_NeedsLock(entry.ClientId, (long)shared.Version, selected)
                        : null;
                    _presence.SetRemote(
                        gatewayId, entry.ClientId, new(entry.User ?? new User(), selection, entry.State),
                        shared.Unsaid.Contains(entry.ClientId), _parts.Time.GetTimestamp());
                }
            }
        }

        PresenceChanged();
    }

    /// <summary>Called now and then: takes out whoever has left without a word.</summary>
    public void SweepPresence()
    {
        lock (_gate)
        {
            // What was heard and is not taken in yet may say that he is elsewhere.
            if (_remotePresence.Count > 0)
                return;
        }

        RemoveLapsedPresence();
        EndLostPresence();
    }

    // Everybody whose gateway's lease has lapsed, or who has not been told of for long.
    private void RemoveLapsedPresence()
    {
        lock (_gate)
            _presence.RemoveRemote(entry => !_parts.Leases.IsAlive(entry.GatewayId)
                || _parts.Time.GetElapsedTime(entry.ToldTimestamp) > _parts.Options.HeadCheckInterval * UntoldRepeats);
        PresenceChanged();
    }

    /// <summary>A gateway has come, or come back: ask who is on it, and say who is here.</summary>
    public void MeetGateway() => PublishPresenceWanted();
}
