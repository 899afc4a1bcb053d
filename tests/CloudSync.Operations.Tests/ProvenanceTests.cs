// Who wrote what: beside a list with one entry for each position.

using CsCheck;
using Xunit;

namespace CloudSync.Operations.Tests;

public sealed class ProvenanceTests
{
    [Fact]
    public void Formatting_and_deleting_leave_what_stands_with_those_who_wrote_it()
    {
        var provenance = new Provenance();
        provenance.Apply(1, Delta.Build().Insert("Hello 😀").InsertEmbed(new() { ["card"] = 1 }).ToDelta().Bytes.Span);
        provenance.Apply(2, Delta.Build().Retain(2).Insert("++").ToDelta().Bytes.Span);
        provenance.Apply(3, Delta.Build().Retain(11, new() { ["bold"] = true }).ToDelta().Bytes.Span);
        provenance.Apply(4, Delta.Build().Delete(1).ToDelta().Bytes.Span);

        Assert.Equal(10, provenance.Length);
        Assert.Equal([new(0, 1, 1), new(1, 2, 2), new(3, 7, 1)], provenance.Read(0, 10));
        Assert.Equal([new(2, 1, 2), new(3, 1, 1)], provenance.Read(2, 2));
        Assert.Empty(provenance.Read(4, 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => provenance.Read(5, 6));
    }

    [Fact]
    public void An_operation_that_reaches_past_the_end_is_refused() =>
        Assert.Throws<OperationException>(() => new Provenance().Apply(1, Delta.Build().Delete(1).ToDelta().Bytes.Span));

    [Fact]
    public void Any_run_of_edits_is_followed_as_by_a_list_of_positions() =>
        Gen.Select(Gen.Int[0, 1_000_000], Gen.Int[0, 3_000], Gen.Int[0, 40]).Array[1, 400].Sample(edits =>
        {
            var provenance = new Provenance();
            var list = new List<long>();
            for (var i = 0; i < edits.Length; i++)
            {
                var (place, inserted, deleted) = edits[i];
                var position = place % (list.Count + 1);
                deleted = Math.Min(deleted, list.Count - position);
                if (inserted % 4 > 0)
                    inserted %= 4;
                var delta = Delta.Build();
                if (position > 0)
                    delta.Retain(position);
                if (inserted > 0)
                    delta.Insert(new string('é', inserted));
                if (deleted > 0)
                    delta.Delete(deleted);
                provenance.Apply(i + 1, delta.ToDelta().Bytes.Span);
                list.RemoveRange(position, deleted);
                list.InsertRange(position, Enumerable.Repeat(i + 1L, inserted));
            }

            Assert.Equal(list.Count, provenance.Length);
            var runs = provenance.Read(0, list.Count);
            Assert.Equal(list, runs.SelectMany(run => Enumerable.Repeat(run.Version, run.Length)));
            Assert.All(runs.Zip(runs.Skip(1)), pair => Assert.NotEqual(pair.First.Version, pair.Second.Version));
        }, iter: 200);
}
