// The embedded fan-out, held to the contract; and that it forgets documents that nobody subscribes to.

using CloudSync.Fanout;
using CloudSync.Fanout.Contract;
using Xunit;

namespace CloudSync.Tests.Fanout;

public sealed class InProcessFanoutTests : FanoutContract
{
    private readonly InProcessFanout _fanout = new();

    protected override ValueTask<IFanout> CreateAsync() => new(_fanout);

    [Fact]
    public async Task A_document_without_subscribers_leaves_nothing_behind()
    {
        var first = await _fanout.SubscribeAsync("doc", _ => { }, Cancellation);
        var second = await _fanout.SubscribeAsync("doc", _ => { }, Cancellation);
        Assert.Equal(1, _fanout.SubscribedDocuments);
        await first.DisposeAsync();
        await second.DisposeAsync();
        Assert.Equal(0, _fanout.SubscribedDocuments);
    }
}
