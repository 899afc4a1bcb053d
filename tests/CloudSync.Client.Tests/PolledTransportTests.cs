// The transport over plain requests by itself, with a server that answers as it is told.

using System.Net;
using Xunit;

namespace CloudSync.Client.Tests;

public sealed class PolledTransportTests
{
    // The client would have sent its next frame into a connection that had ended, and taken its failure for the reason.
    [Fact]
    public async Task A_frame_that_waits_for_the_end_is_over_when_its_reason_was_told()
    {
        using var server = new ClosingServer();
        using var http = new HttpMessageInvoker(server);
        var transport = new PolledTransport(
            new Uri("ws://localhost/sync"), 1 << 20, PollKinds.Single, TimeProvider.System, new Random(1), http);
        var listener = new Listener();
        transport.Start(listener);
        await listener.WhenConnected.Task;
        listener.Sending = transport.SendAsync(new byte[] { 1 }).AsTask();
        server.Close.SetResult();
        var (message, wasOver) = await listener.WhenClosed.Task;
        Assert.Contains("4101", message, StringComparison.Ordinal);
        Assert.False(wasOver);
        await listener.Sending;
    }

    // Takes nothing more, and says why when it is told to.
    private sealed class ClosingServer : HttpMessageHandler
    {
        public TaskCompletionSource Close { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            if (request.RequestUri!.AbsolutePath.EndsWith("/polling", StringComparison.Ordinal))
                return new(HttpStatusCode.Created) { Content = new StringContent("""{"key":"a"}""") };
            if (request.Method != HttpMethod.Get)
                return new(HttpStatusCode.Gone);
            await Close.Task.WaitAsync(cancellationToken);
            return new(HttpStatusCode.OK) { Content = new StringContent("event: close\ndata: 4101 UNAUTHORIZED\n\n") };
        }
    }

    private sealed class Listener : ITransportListener
    {
        public TaskCompletionSource WhenConnected { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public TaskCompletionSource<(string Message, bool WasOver)> WhenClosed { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task? Sending { get; set; }

        public void Connected() => WhenConnected.SetResult();

        public void Received(ReadOnlyMemory<byte> frame)
        {
        }

        public void Closed(TransportClosure closure) => WhenClosed.SetResult((closure.Message, Sending!.IsCompleted));
    }
}
