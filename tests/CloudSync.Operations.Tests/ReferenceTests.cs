// Our merging beside the published JavaScript libraries, on random cases, in a Node process beside the tests.

using CloudSync.Verification;
using Xunit;

namespace CloudSync.Operations.Tests;

public sealed class ReferenceTests(ITestOutputHelper log)
{
    private const int Cases = 20_000;

    [Fact]
    public async Task Every_function_gives_what_the_published_libraries_give()
    {
        var seed = SeededRandom.FreshSeed();
        log.WriteLine($"seed {seed}");
        var report = await new Verifier(VerifiedFunctions.All, Cases, seed).RunAsync(TestContext.Current.CancellationToken);
        Assert.All(report.Functions, function => Assert.Equal(Cases, function.Cases));
        Assert.True(report.Differed == 0, $"{report.Differed} differ with seed {seed}; the first:\n{report.First}");
    }

    [Fact]
    public async Task A_difference_is_found_and_its_seed_repeats_it()
    {
        var wrong = new Wrong(VerifiedFunctions.All.Single(f => f.Name == "rich-text.compose"));
        var stop = TestContext.Current.CancellationToken;
        var report = await new Verifier([wrong], 2_000, seed: 7).RunAsync(stop);
        Assert.InRange(report.Differed, 1, 1_999);
        var again = await new Verifier([wrong], 1, report.First!.Seed).RunAsync(stop);
        Assert.Equal(1, again.Differed);
        Assert.Equal(report.First, again.First);
    }

    // Answers every case whose question has a 😀 in it wrongly.
    private sealed class Wrong(VerifiedFunction right) : VerifiedFunction(right.Name)
    {
        public override VerifiedCase Make(SeededRandom random)
        {
            var made = right.Make(random);
            var hit = System.Text.Encoding.UTF8.GetString(made.Question.Span).Contains("\\uD83D\\uDE00", StringComparison.Ordinal);
            return hit ? made with { Run = () => Answer.Of("{\"ops\":[{\"insert\":\"wrong\"}]}") } : made;
        }
    }
}
