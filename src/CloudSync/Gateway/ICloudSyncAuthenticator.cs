// The hook for hosts whose clients bring a credential in their Hello rather than in a cookie or a header.

using System.Security.Claims;

namespace CloudSync;

/// <summary>
/// Checks the token of a Hello, and those that are given to a connection later. Without one registered tokens are ignored;
/// register it as a singleton.
/// </summary>
public interface ICloudSyncAuthenticator
{
    /// <summary>
    /// Says whose token this is: the claim <see cref="ClaimTypes.NameIdentifier"/> (or "sub") becomes the user's id, the
    /// identity's name (or the claim "name") its name. Null refuses the connection with UNAUTHORIZED. An exception
    /// refuses it with INTERNAL, to be tried again.
    /// </summary>
    /// <remarks>
    /// The claim "exp", in seconds since 1970, says when the token ends, and the connection with it; without one it counts
    /// as long as the connection lasts. The client may give another token of the same user before. One that is refused then, by
    /// null or by an exception, leaves the connection as it is.
    /// </remarks>
    /// <param name="token">What the client sent; may be empty.</param>
    /// <param name="cancellationToken">The gateway stops.</param>
    ValueTask<ClaimsPrincipal?> AuthenticateAsync(string token, CancellationToken cancellationToken);
}
