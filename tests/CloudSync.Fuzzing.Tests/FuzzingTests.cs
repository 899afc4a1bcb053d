// What the fuzzer has found stays fixed; each target stands a short run; and the fuzzer finds what there is to find.

using System.Runtime.CompilerServices;
using CloudSync.Verification;
using Xunit;

namespace CloudSync.Fuzzing.Tests;

public sealed class FuzzingTests(ITestOutputHelper log)
{
    private const int Runs = 3_000;

    public static TheoryData<string> Targets => [.. FuzzTargets.All.Select(target => target.Name)];

    [Theory, MemberData(nameof(Targets))]
    public void What_was_found_once_is_handled(string name)
    {
        var target = FuzzTargets.All.Single(target => target.Name == name);
        var folder = FuzzTargets.CorpusFolder(target);
        var files = Directory.Exists(folder) ? Directory.GetFiles(folder, "*.bin") : [];
        Assert.All(files, file => Assert.Null(Fuzzer.Replay(target, File.ReadAllBytes(file))));
        Assert.All(target.Seeds, seed => Assert.Null(Fuzzer.Replay(target, seed)));
    }

    [Theory, MemberData(nameof(Targets))]
    public void A_short_run_finds_nothing(string name)
    {
        var seed = SeededRandom.FreshSeed();
        log.WriteLine($"seed {seed}");
        var fuzzer = new Fuzzer(FuzzTargets.All.Single(target => target.Name == name), seed);
        fuzzer.Run(TestContext.Current.CancellationToken, Runs);
        Assert.True(fuzzer.Findings.Count == 0, string.Join('\n', fuzzer.Findings.Select(
            finding => $"seed {seed}, input {Convert.ToHexString(finding.Input)}: {finding.Details}")));
        Assert.True(fuzzer.Runs >= Runs);
        Assert.True(fuzzer.Interesting > 1, "No input did anything new.");
    }

    [Fact]
    public void Every_folder_of_the_corpus_has_its_target()
    {
        var corpus = Path.GetDirectoryName(FuzzTargets.CorpusFolder(FuzzTargets.All[0]))!;
        var folders = Directory.Exists(corpus) ? Directory.GetDirectories(corpus) : [];
        Assert.All(folders, folder => Assert.Contains(Path.GetFileName(folder), FuzzTargets.All.Select(target => target.Name)));
    }

    [Theory]
    [InlineData("crash", "IndexOutOfRangeException")]
    [InlineData("oracle", "two and two are five")]
    [InlineData("memory", "memory")]
    public void A_bug_is_found_and_its_input_made_small(string bug, string kind)
    {
        var fuzzer = new Fuzzer(new BuggyTarget(bug), seed: 5);
        fuzzer.Run(TestContext.Current.CancellationToken, maxRuns: 200_000);
        var finding = Assert.Single(fuzzer.Findings);
        Assert.Contains(kind, finding.Kind, StringComparison.Ordinal);
        Assert.Equal("bug"u8.ToArray(), finding.Input);
        Assert.NotNull(Fuzzer.Replay(new BuggyTarget(bug), finding.Input));
    }

    // Its bug is behind three steps, each of which it tells of.
    private sealed class BuggyTarget(string bug) : IFuzzTarget
    {
        public string Name => "buggy";

        public IEnumerable<byte[]> Seeds => ["harmless"u8.ToArray()];

        // A finding is named after the frame it comes from: inlined half-way through the run, this would be two findings.
        [MethodImpl(MethodImplOptions.NoInlining)]
        public void Run(byte[] input, FuzzTrace trace)
        {
            var at = input.AsSpan().IndexOf("bug"u8);
            var steps = at >= 0 ? 3
                : input.AsSpan().IndexOf("bu"u8) >= 0 ? 2 : input.AsSpan().Contains((byte)'b') ? 1 : 0;
            trace.Add("steps", 1 << steps);
            if (steps < 3)
                return;
            switch (bug)
            {
                case "crash":
                    _ = input[at - input.Length - 1];
                    break;
                case "oracle":
                    throw new FuzzFailureException("two and two are five: seen here");
                default:
                    GC.KeepAlive(new byte[100_000_000]);
                    break;
            }
        }
    }
}
