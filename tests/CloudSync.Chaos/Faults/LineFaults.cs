// Lines between parts that are cut or slow.

using CloudSync.Chaos.Network;

namespace CloudSync.Chaos.Faults;

/// <summary>Lines are cut: silently, or so that connections are reset and refused; or nobody reads what comes.</summary>
internal sealed class Cut(IReadOnlyList<Link> links, LinkState state) : Fault
{
    public override string Details =>
        $"{(links.Count > LinksNamed ? $"{links.Count} lines" : string.Join(", ", links.Select(static link => $"{link.From} – {link.To}")))}: {What}";

    // More are not worth their names.
    private const int LinksNamed = 4;

    private string What => state switch
    {
        LinkState.Silent => "nothing comes through",
        LinkState.Unread => "nothing is read",
        _ => "reset and refused",
    };

    public override Task InjectAsync(CancellationToken stop) => Become(state);

    public override Task HealAsync(CancellationToken stop) => Become(LinkState.Open);

    private Task Become(LinkState next)
    {
        foreach (var link in links)
            link.Become(next);
        return Task.CompletedTask;
    }
}

/// <summary>Lines are slow, both ways.</summary>
internal sealed class Slow(IReadOnlyList<Link> links, TimeSpan delay) : Fault
{
    public override string Details =>
        $"{string.Join(", ", links.Select(static link => $"{link.From} – {link.To}"))}: {delay.TotalMilliseconds:0} ms each way";

    public override Task InjectAsync(CancellationToken stop) => Set(delay);

    public override Task HealAsync(CancellationToken stop) => Set(TimeSpan.Zero);

    private Task Set(TimeSpan next)
    {
        foreach (var link in links)
            link.Delay = next;
        return Task.CompletedTask;
    }
}
