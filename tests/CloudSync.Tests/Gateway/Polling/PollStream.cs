// A stream of events as a test reads it.

using CloudSync.Protocol.V1;

namespace CloudSync.Tests.Gateway.Polling;

internal sealed class PollStream(PollClient client, HttpResponseMessage response, StreamReader reader) : IDisposable
{
    public HttpResponseMessage Response => response;

    /// <summary>The next event; null at the end.</summary>
    public async Task<PollEvent?> NextAsync()
    {
        using var guard = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        var block = "";
        while (await reader.ReadLineAsync(guard.Token) is { } line)
        {
            block += line + "\n";
            if (line.Length > 0)
                continue;
            if (PollClient.Parse(block) is [var one])
                return one;
            block = "";
        }

        return null;
    }

    /// <summary>The next message; fails if the stream ends instead.</summary>
    public async Task<ServerMessage> ReceiveAsync()
    {
        ServerMessage? message;
        while (!client.TryTake(out message))
            client.Take([await NextAsync() ?? throw new InvalidOperationException("The stream has ended.")]);
        return message;
    }

    public void Dispose()
    {
        reader.Dispose();
        response.Dispose();
    }
}
