// Between the client's public types and the protocol's messages.

using Wire = CloudSync.Protocol.V1;

namespace CloudSync.Client;

internal static class WireConversions
{
    public static Wire.User ToWire(this User user) => new() { Id = user.Id, Name = user.Name, Color = user.Color };

    public static Refusal ToRefusal(this Wire.Error error) =>
        new(error.Code, error.Message, error.Limit, error.LimitValue);
}
