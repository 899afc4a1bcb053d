// How the client connects, and the trial of a better way beside a connection there is.

namespace CloudSync.Client;

public sealed partial class CloudSyncClient
{
    private TransportTrial? _trial;

    internal void TrialConnected(TransportTrial trial)
    {
        using var _ = Enter();
        if (trial != _trial)
            return;
        trial.Connected(Now);
        SetAlarm(trial.EndsBy);
    }

    internal void TrialClosed(TransportTrial trial)
    {
        using var _ = Enter();
        if (trial == _trial)
            EndTrial(held: false);
    }

    private ClientTransport NewTransport() => _choice.Begin(Now) ? NewPolled() : NewWebSocket();

    private ClientTransport NewWebSocket() =>
        _options.TransportFactory?.Invoke(Address()) ?? new WebSocketTransport(Address(), _options.MaxFrameBytes);

    private ClientTransport NewPolled()
    {
        var kinds = _options.Transport switch
        {
            TransportKind.ServerSentEvents => PollKinds.Streams,
            TransportKind.Polling => PollKinds.Single,
            _ => PollKinds.Either,
        };
        return _options.PolledTransportFactory?.Invoke(Address(), kinds)
            ?? new PolledTransport(Address(), _options.MaxFrameBytes, kinds, _options.Clock, _options.Random);
    }

    private void TryWebSocket()
    {
        if (_choice.TrialAt <= Now && IsLive)
        {
            _choice.TrialBegun();
            _trial = new TransportTrial(this, NewWebSocket(), Now);
            _trial.Start();
        }
        else if (_trial is { } trial && trial.EndsBy <= Now)
        {
            EndTrial(trial.IsConnected);
        }

        if ((_trial?.EndsBy ?? _choice.TrialAt) is { } next)
            SetAlarm(next);
    }

    private void EndTrial(bool held)
    {
        StopTrial();
        _choice.TrialEnded(Now, held);
        if (held && _connection is { } connection)
        {
            // As when a server that stops has said so.
            connection.ReturnAt = Now;
            Drop(new("There is a WebSocket to move to."));
        }
        else if (_choice.TrialAt is { } next)
        {
            SetAlarm(next);
        }
    }

    private void StopTrial()
    {
        _trial?.Stop();
        _trial = null;
    }
}
