// A request as it was sent: a copy, since the client goes on with its own.

namespace CloudSync.Simulation.Network.Http;

/// <param name="Method">As in HTTP.</param>
/// <param name="Address">Where to.</param>
/// <param name="Key">Of the polled connection; null: one is to be opened.</param>
/// <param name="Headers">By name.</param>
/// <param name="Body">Its body.</param>
internal sealed record SentRequest(
    string Method, Uri Address, string? Key, IReadOnlyList<(string Name, string Value)> Headers, ReadOnlyMemory<byte> Body)
{
    private const int HeadBytes = 300;

    /// <summary>Only half of the body gets there.</summary>
    public bool IsCutOff { get; init; }

    public bool IsPost => Method == "POST";

    /// <summary>On the line.</summary>
    public int Bytes => HeadBytes + Body.Length;

    public static SentRequest Copy(HttpRequestMessage request)
    {
        var segments = request.RequestUri!.AbsolutePath.TrimEnd('/').Split('/');
        var body = new MemoryStream();
        request.Content?.CopyTo(body, null, CancellationToken.None);
        return new(
            request.Method.Method, request.RequestUri, segments[^1] == "polling" ? null : segments[^1],
            [.. request.Headers.Select(static header => (header.Key, string.Join(',', header.Value)))], body.ToArray());
    }
}
