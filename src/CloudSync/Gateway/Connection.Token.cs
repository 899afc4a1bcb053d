// The credential that a connection stands on, where an ICloudSyncAuthenticator is registered: until when it counts, and the
// next one, which the client gives while everything goes on. One that is refused leaves all as it was.

using System.Security.Claims;
using CloudSync.Documents;
using CloudSync.Protocol.V1;

namespace CloudSync.Gateway;

internal sealed partial class Connection
{
    // Whom the host has authenticated by the request, or believes, needs no token.
    private bool _standsOnToken;

    // A timestamp; 0 if no end is known.
    private long _tokenEndsAt;

    // Under _gate. Checks go to the host, which may ask somebody else: one at a time, and so many a minute.
    private bool _checkingToken;
    private long _tokensSince;
    private int _tokens;

    private bool HandleAuthenticate(string token)
    {
        if (!_standsOnToken)
        {
            Answer(new ServerMessage { Authenticated = new Authenticated() });
            return true;
        }

        if (Identity.CheckToken(ErrorCode.TokenInvalid, token) is { } tooLong)
        {
            Answer(tooLong);
            return true;
        }

        var limit = _gateway.Options.Limits.TokensPerMinute;
        TimeSpan wait;
        lock (_gate)
        {
            if (_checkingToken)
                return Wait_NeedsGate();
            wait = CountToken_NeedsGate(limit);
            _checkingToken = wait == TimeSpan.Zero;
        }

        if (wait == TimeSpan.Zero)
            _ = CheckTokenAsync(token);
        else
            Answer(GatewayRefusals.TooManyTokens(limit, wait));
        return true;
    }

    // How long to wait before another token is looked at; zero if this one is.
    private TimeSpan CountToken_NeedsGate(int limit)
    {
        var minute = TimeSpan.FromMinutes(1);
        var passed = _gateway.Time.GetElapsedTime(_tokensSince);
        if (_tokens == 0 || passed >= minute)
            (_tokens, _tokensSince) = (0, _gateway.Time.GetTimestamp());
        else if (_tokens >= limit)
            return minute - passed;
        _tokens++;
        return TimeSpan.Zero;
    }

    private async Task CheckTokenAsync(string token)
    {
        Refusal? refusal = null;
        var end = 0L;
        try
        {
            var principal = await _gateway.Authenticator!.AuthenticateAsync(token, _gateway.Stopped);
            if (Identity.FromHost(principal) is not { } user || !TryFindEnd(principal!, out end))
                refusal = GatewayRefusals.TokenInvalid;
            else if (user.Id != _host!.Id)
                refusal = GatewayRefusals.TokenOfAnotherUser;
        }
        catch (Exception exception)
        {
            GatewayLog.AuthenticatorBroke(_gateway.Log, exception, Id);
            refusal = GatewayRefusals.TokenNotChecked;
        }

        if (refusal is null)
        {
            Volatile.Write(ref _tokenEndsAt, end);
            Answer(new ServerMessage { Authenticated = new Authenticated { ValidForMs = MillisecondsUntil(end) } });
        }
        else
        {
            Answer(refusal);
        }

        lock (_gate)
        {
            _checkingToken = false;
            TellProgress_NeedsGate();
        }
    }

    /// <summary>Called by the sweep: closes if the token has ended.</summary>
    private void CheckToken(long now)
    {
        var end = Volatile.Read(ref _tokenEndsAt);
        if (end != 0 && now >= end)
            Refuse(GatewayRefusals.TokenExpired, CloseCode.TokenExpired);
    }

    // From the clock on the wall to the one that measures; false if the token has ended.
    private bool TryFindEnd(ClaimsPrincipal principal, out long end)
    {
        end = 0;
        if (Identity.EndOf(principal) is not { } moment)
            return true;
        var left = moment - _gateway.Time.GetUtcNow();
        // No connection lasts so long, and no clock measures what might come.
        if (left > TimeSpan.FromDays(3_650))
            return true;
        end = _gateway.Time.GetTimestamp() + (long)(left.TotalSeconds * _gateway.Time.TimestampFrequency);
        return left > TimeSpan.Zero;
    }

    private ulong MillisecondsUntil(long end) => end == 0
        ? 0
        : (ulong)Math.Max(1, _gateway.Time.GetElapsedTime(_gateway.Time.GetTimestamp(), end).TotalMilliseconds);
}
