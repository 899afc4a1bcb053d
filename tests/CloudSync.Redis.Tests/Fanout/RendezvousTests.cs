// Where documents are: the same everywhere and for ever, evenly, and hardly anything moves when a server is added.

using Xunit;

namespace CloudSync.Redis.Tests.Fanout;

public sealed class RendezvousTests
{
    private const int Documents = 40_000;

    private static string[] Choices(params string[] names)
    {
        var rendezvous = new Rendezvous(names);
        return [.. Enumerable.Range(0, Documents).Select(i => names[rendezvous.Choose($"document-{i}")])];
    }

    [Fact]
    public void Documents_are_spread_evenly()
    {
        var counts = Choices("redis-1:6379", "redis-2:6379", "redis-3:6379", "redis-4:6379").CountBy(name => name);
        Assert.All(counts, count => Assert.InRange(count.Value, Documents / 4 * 0.95, Documents / 4 * 1.05));
    }

    [Fact]
    public void One_server_more_takes_its_share_and_moves_nothing_else()
    {
        var before = Choices("a:1", "b:1", "c:1");
        var after = Choices("a:1", "b:1", "c:1", "d:1");
        var moved = Enumerable.Range(0, Documents).Where(i => before[i] != after[i]).ToList();
        Assert.All(moved, i => Assert.Equal("d:1", after[i]));
        Assert.InRange(moved.Count, Documents / 4 * 0.95, Documents / 4 * 1.05);
    }

    [Fact]
    public void The_order_of_the_servers_is_of_no_matter() =>
        Assert.Equal(Choices("a:1", "b:1", "c:1"), Choices("c:1", "a:1", "b:1"));

    [Fact]
    public void Servers_have_one_fingerprint_whatever_their_order_and_others_another()
    {
        var fingerprint = new Rendezvous(["a:1", "b:1"]).Fingerprint;
        Assert.Equal(fingerprint, new Rendezvous(["b:1", "a:1"]).Fingerprint);
        Assert.NotEqual(fingerprint, new Rendezvous(["a:1", "c:1"]).Fingerprint);
        Assert.NotEqual(fingerprint, new Rendezvous(["a:1", "b:1", "c:1"]).Fingerprint);
        Assert.NotEqual(fingerprint, new Rendezvous(["a:1"]).Fingerprint);
        Assert.Equal(new Rendezvous(["a:1"]).Fingerprint, new Rendezvous(["c:1"]).Fingerprint);
    }

    // Gateways of different versions run side by side while they are replaced.
    [Fact]
    public void A_document_is_where_it_has_always_been()
    {
        var rendezvous = new Rendezvous(["a:1", "b:1", "c:1"]);
        string[] documents = ["notes", "plan", "~gateways", "0", "Ωmega", "a", "b", "c", "d", "e", "f", "g"];
        Assert.Equal("1 1 1 0 0 1 2 0 2 2 2 0", string.Join(' ', documents.Select(rendezvous.Choose)));
    }
}
