// The client's credential: which one the Hello says, and a newer one that is given to the server on the living connection.
//
// A new token waits here until the server has taken it, by its answer or by welcoming a connection whose Hello said it. One
// that the server refuses on a living connection changes nothing: the one before it counts until its own end.

using CloudSync.Protocol.V1;

namespace CloudSync.Client;

/// <summary>Belongs to a client, and is called under its lock.</summary>
internal sealed class ClientTokens(CloudSyncClient client)
{
    // Of its life a token has this much behind it when the next is asked for: early enough to try again if that fails.
    private const double RenewedAfter = 0.7;
    private const double RenewedJitter = 0.1;
    private static readonly TimeSpan _retryMin = TimeSpan.FromSeconds(1);

    // With what is called back: nothing, of those that the client has asked its provider for.
    private readonly List<(string Token, TaskCompletionSource? Taken)> _waiting = [];

    // The first of those that wait was sent on this connection.
    private bool _sent;

    // So many of those that wait are settled when this connection is welcomed.
    private int _saidInHello;
    private TimeSpan? _endsAt;

    /// <summary>When the provider is to be asked for the next token.</summary>
    public TimeSpan? RenewAt { get; private set; }

    private CloudSyncClientOptions Options => client.Options;

    /// <summary>The token to greet with, or null if the provider is to be asked.</summary>
    public string? ForHello()
    {
        _saidInHello = _waiting.Count;
        return _waiting.Count > 0 ? _waiting[^1].Token : Options.TokenProvider is null ? Options.Token : null;
    }

    public Task Add(string token)
    {
        var taken = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _waiting.Add((token, taken));
        return taken.Task;
    }

    /// <summary>The token that is to be sent now, if there is one; it counts as sent.</summary>
    public string? TakeDue()
    {
        if (_sent || _waiting.Count == 0)
            return null;
        _sent = true;
        return _waiting[0].Token;
    }

    public void Welcomed(ulong validForMs)
    {
        for (; _saidInHello > 0; _saidInHello--)
            Settle();
        ExpectEnd(validForMs);
    }

    public void Handle(Authenticated authenticated)
    {
        if (!_sent)
            return;
        _sent = false;
        Settle();
        ExpectEnd(authenticated.ValidForMs);
    }

    /// <summary>Whether an error is about the token that was sent; it is dealt with then.</summary>
    public bool TryHandle(Error error)
    {
        var older = error.Code == ErrorCode.UnknownMessage && _sent;
        if (!older && error.Code is not (ErrorCode.TokenInvalid or ErrorCode.TokenOfAnotherUser
            or ErrorCode.TokenNotChecked or ErrorCode.TooManyTokens))
        {
            return false;
        }

        if (!_sent)
            return true;
        _sent = false;
        var taken = _waiting[0].Taken;
        _waiting.RemoveAt(0);
        taken?.SetException(new RefusedException(older
            ? new Refusal(
                error.Code, "This server is too old to take a new token on a connection; it takes it at the next one.")
            : error.ToRefusal()));
        TryAgain();
        return true;
    }

    /// <summary>The connection is gone: what the server has not answered, the next Hello says.</summary>
    public void Disconnected()
    {
        _sent = false;
        _saidInHello = 0;
        _endsAt = RenewAt = null;
    }

    /// <summary>Nobody will answer.</summary>
    public void Fail(Exception exception)
    {
        foreach (var (_, taken) in _waiting)
            taken?.SetException(exception);
        _waiting.Clear();
    }

    /// <summary>Asks the provider if it is time.</summary>
    public void OnAlarm()
    {
        if (RenewAt > client.Now || RenewAt is null || Options.TokenProvider is not { } provider)
            return;
        RenewAt = null;
        _ = RenewAsync(provider, _endsAt);
    }

    private async Task RenewAsync(Func<Task<string>> provider, TimeSpan? endsAt)
    {
        string? token = null;
        try
        {
            token = await provider().ConfigureAwait(false);
        }
        catch (Exception)
        {
            // What the application can't give now, it may be able to before the token ends; if not, the server says so.
        }

        using var scope = client.Enter();
        // Meanwhile another connection may have begun, with a token of its own.
        if (endsAt != _endsAt || endsAt is null)
            return;
        if (token is null)
            TryAgain();
        else
            _waiting.Add((token, null));
    }

    private void Settle()
    {
        var (token, taken) = _waiting[0];
        _waiting.RemoveAt(0);
        if (Options.TokenProvider is null)
            Options.Token = token;
        taken?.SetResult();
    }

    private void ExpectEnd(ulong validForMs)
    {
        _endsAt = RenewAt = null;
        if (validForMs == 0)
            return;
        var valid = TimeSpan.FromMilliseconds(Math.Min(validForMs, int.MaxValue));
        _endsAt = client.Now + valid;
        if (Options.TokenProvider is not null)
            RenewIn(valid * (RenewedAfter + (RenewedJitter * Options.Random.NextDouble())));
    }

    private void TryAgain()
    {
        if (Options.TokenProvider is null || _endsAt is not { } endsAt || endsAt <= client.Now)
            return;
        var quarter = (endsAt - client.Now) / 4;
        RenewIn(quarter > _retryMin ? quarter : _retryMin);
    }

    private void RenewIn(TimeSpan wait)
    {
        RenewAt = client.Now + wait;
        client.SetAlarm(RenewAt.Value);
    }
}
