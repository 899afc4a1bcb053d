// Who is at the other end: what the client says of itself, checked, with what the host knows of it on top.

using System.Buffers;
using System.Globalization;
using System.Security.Claims;
using CloudSync.Documents;
using CloudSync.Protocol.V1;

namespace CloudSync.Gateway;

internal static class Identity
{
    public const int IdLength = 128;
    public const int NameLength = 128;
    public const int AgentLength = 64;
    public const int TokenLength = 8192;

    // In seconds since 1970: the year 3000. What ends later, doesn't.
    private const double NoEnd = 32_503_680_000;

    // Dark enough to be read on white, light enough to be told apart.
    private static readonly string[] _colors =
    [
        "#c2410c", "#b45309", "#4d7c0f", "#15803d", "#0f766e", "#0e7490", "#0369a1", "#1d4ed8",
        "#4338ca", "#6d28d9", "#a21caf", "#be185d", "#be123c", "#7c2d12", "#3f6212", "#155e75",
    ];

    /// <summary>The user a host has authenticated, or null if it has authenticated nobody.</summary>
    public static User? FromHost(ClaimsPrincipal? principal)
    {
        if (principal?.Identity is not { IsAuthenticated: true } identity)
            return null;
        var id = principal.FindFirst(ClaimTypes.NameIdentifier)?.Value ?? principal.FindFirst("sub")?.Value
            ?? identity.Name ?? "";
        var name = identity.Name ?? principal.FindFirst("name")?.Value ?? id;
        return new User { Id = Cut(id, IdLength), Name = Cut(name, NameLength) };
    }

    /// <summary>When what a host has authenticated somebody by ends; null if it doesn't say.</summary>
    public static DateTimeOffset? EndOf(ClaimsPrincipal principal) =>
        double.TryParse(principal.FindFirst("exp")?.Value, NumberStyles.Float, CultureInfo.InvariantCulture, out var seconds)
        && seconds < NoEnd
            ? DateTimeOffset.UnixEpoch.AddSeconds(Math.Max(0, seconds))
            : null;

    /// <summary>What is wrong with a token before anybody has checked it, or null.</summary>
    public static Refusal? CheckToken(ErrorCode code, string token) => TooLong(code, "token", token, TokenLength);

    /// <summary>What is wrong with a Hello, or null.</summary>
    public static Refusal? Check(Hello hello)
    {
        if (hello.ClientId == 0)
            return new Refusal(ErrorCode.HelloInvalid, "client_id is 0; choose a random one that is not.");
        return TooLong(ErrorCode.HelloInvalid, "agent", hello.Agent, AgentLength)
            ?? CheckToken(ErrorCode.HelloInvalid, hello.Token)
            ?? (hello.User is null ? null : Check(ErrorCode.HelloInvalid, hello.User));
    }

    /// <summary>What is wrong with a user, or null.</summary>
    public static Refusal? Check(ErrorCode code, User user) =>
        TooLong(code, "user.id", user.Id, IdLength) ?? TooLong(code, "user.name", user.Name, NameLength);

    /// <summary>
    /// The user as others will see it: id and name from the host if it has authenticated one, and always a colour.
    /// </summary>
    public static User Settle(User? said, User? host, ulong clientId)
    {
        var known = host ?? said;
        return new User
        {
            Id = known?.Id ?? "",
            Name = known?.Name ?? "",
            Color = said is not null && IsColor(said.Color) ? said.Color : ColorOf(clientId),
        };
    }

    public static string ColorOf(ulong clientId) =>
        _colors[(int)((clientId * 0x9E3779B97F4A7C15) >> 60)];

    private static bool IsColor(string color) =>
        color.Length == 7 && color[0] == '#' && color.AsSpan(1).IndexOfAnyExcept(HexDigits) < 0;

    private static SearchValues<char> HexDigits { get; } =
        SearchValues.Create("0123456789abcdefABCDEF");

    private static Refusal? TooLong(ErrorCode code, string field, string value, int length) =>
        value.Length <= length
            ? null
            : new Refusal(code, $"{field} has {value.Length} characters; {length} are allowed.", Limit: field,
                LimitValue: length);

    private static string Cut(string text, int length)
    {
        if (text.Length <= length)
            return text;
        return char.IsHighSurrogate(text[length - 1]) ? text[..(length - 1)] : text[..length];
    }
}
