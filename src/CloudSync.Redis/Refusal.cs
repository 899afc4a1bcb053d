// Why a server can't be used: what it says when it is first spoken to. A server that refuses (a password, a permission), is
// too old or is no Redis at all won't get better by waiting; one that is down will.

using System.Globalization;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Text;
using StackExchange.Redis;

namespace CloudSync.Redis;

internal static class Refusal
{
    // The first with sharded pub/sub.
    private static readonly Version _oldest = new(7, 0);

    private static readonly string[] _refusals = ["NOAUTH", "WRONGPASS", "NOPERM", "ERR unknown command"];

    /// <summary>Why no connection was made, and whether that is a refusal.</summary>
    /// <remarks>
    /// The library tries again and again and tells only how it ended last: so the server is asked once, directly.
    /// </remarks>
    public static async Task<(string Reason, bool IsRefusal)> OfConnectionAsync(RedisConnection connection)
    {
        var options = connection.Options;
        var reason = "it doesn't answer";
        foreach (var endPoint in options.EndPoints)
        {
            using var patience = new CancellationTokenSource(TimeSpan.FromMilliseconds(options.ConnectTimeout));
            try
            {
                if (RefusalIn(await GreetAsync(endPoint, options, patience.Token).ConfigureAwait(false)) is { } refusal)
                    return (refusal, true);
            }
            catch (SocketException exception)
            {
                reason = exception.Message;
            }
            catch (Exception exception) when (exception is OperationCanceledException or IOException or AuthenticationException)
            {
                // Nothing that can be told apart from a server that is being started or is busy.
            }
        }

        return (reason, false);
    }

    // What the server says to a greeting: the beginning of its reply to the password, if there is one, and to PING.
    private static async Task<string> GreetAsync(
        EndPoint endPoint, ConfigurationOptions options, CancellationToken cancellationToken)
    {
        using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(endPoint, cancellationToken).ConfigureAwait(false);
        Stream stream = new NetworkStream(socket);
        if (options.Ssl)
        {
            var secured = new SslStream(stream);
            await secured.AuthenticateAsClientAsync(
                new SslClientAuthenticationOptions { TargetHost = options.SslHost ?? "" }, cancellationToken).ConfigureAwait(false);
            stream = secured;
        }

        await using (stream.ConfigureAwait(false))
        {
            string[] greeting = options switch
            {
                { Password: null or "" } => ["PING"],
                { User: null or "" } => ["AUTH", options.Password],
                _ => ["AUTH", options.User, options.Password],
            };
            var command = new StringBuilder($"*{greeting.Length}\r\n");
            foreach (var part in greeting)
                command.Append(CultureInfo.InvariantCulture, $"${Encoding.UTF8.GetByteCount(part)}\r\n{part}\r\n");
            await stream.WriteAsync(Encoding.UTF8.GetBytes(command.ToString()), cancellationToken).ConfigureAwait(false);
            var reply = new byte[256];
            var count = await stream.ReadAtLeastAsync(reply, 5, throwOnEndOfStream: false, cancellationToken).ConfigureAwait(false);
            return Encoding.UTF8.GetString(reply, 0, count);
        }
    }

    private static string? RefusalIn(string reply)
    {
        if (reply.Length == 0 || reply[0] == '+')
            return null;
        if (reply[0] != '-')
            return "what answers there is no Redis.";
        var line = reply[1..].Split('\r')[0];
        if (line.StartsWith("NOAUTH", StringComparison.Ordinal))
            return "it asks for a password, and the setting has none (password=…).";
        if (line.StartsWith("WRONGPASS", StringComparison.Ordinal))
            return "it refuses the user or password of the setting.";
        if (line.StartsWith("ERR AUTH", StringComparison.Ordinal))
            return "it has no password, and the setting has one.";
        return IsRefusal(line) ? line : null;
    }

    /// <summary>Why a server that answers can't be used; null if it can.</summary>
    public static async Task<string?> OfServerAsync(RedisConnection connection, string prefix)
    {
        var multiplexer = connection.Multiplexer!;
        foreach (var server in multiplexer.GetServers())
        {
            if (server.IsConnected && server.Version < _oldest)
                return $"it is Redis {server.Version}; sharded pub/sub needs {_oldest} or newer.";
        }

        try
        {
            var channel = RedisChannel.Sharded(prefix + "~probe");
            await multiplexer.GetSubscriber().PublishAsync(channel, RedisValue.EmptyString).ConfigureAwait(false);
            return null;
        }
        catch (RedisServerException exception) when (IsRefusal(exception.Message))
        {
            return exception.Message;
        }
        catch (Exception exception) when (exception is RedisException or TimeoutException)
        {
            // Something that passes.
            return null;
        }
    }

    private static bool IsRefusal(string message) =>
        _refusals.Any(refusal => message.Contains(refusal, StringComparison.Ordinal));

    // The library appends pages of its own state.
    public static string Shorten(Exception exception)
    {
        var message = (exception.InnerException ?? exception).Message;
        var end = message.IndexOfAny([',', '\n', '\r']);
        return end > 0 ? message[..end] : message;
    }
}
