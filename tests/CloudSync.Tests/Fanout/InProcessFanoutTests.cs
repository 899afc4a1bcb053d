// The embedded fan-out, held to the contract; and that it forgets documents that nobody subscribes to.

using CloudSync.Fanout;
using Xunit;

namespace CloudSync.Tests.Fanout;

public sealed class InProcessFanoutTests : FanoutContract
{
    private protected override ValueTask<IFanout> CreateAsync() => new(new InProcessFanout());

    [Fact]
    public async Task A_document_without_subscribers_leaves_nothing_behind()
    {
        var fanout = new InProcessFanout();
        var first = await fanout.SubscribeAsync("doc", _ => { }, Cancellation);
        var second = await fanout.SubscribeAsync("doc", _ => { }, Cancellation);
        Assert.Equal(1, fanout.SubscribedDocuments);
        await first.DisposeAsync();
        await second.DisposeAsync();
        Assert.Equal(0, fanout.SubscribedDocuments);
    }
}
