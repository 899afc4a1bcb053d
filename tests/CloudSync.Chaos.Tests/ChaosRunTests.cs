// A short run against a whole cluster, with a fresh seed each time. How long anything takes decides nothing here.

using CloudSync.Chaos.Faults;
using Xunit;

namespace CloudSync.Chaos.Tests;

public sealed class ChaosRunTests(ITestOutputHelper output)
{
    [Fact]
    public async Task Nothing_is_lost_when_parts_die_while_clients_write()
    {
        var folder = Directory.CreateTempSubdirectory("cloudsync-test-");
        File.SetUnixFileMode(folder.FullName, (UnixFileMode)0b111_101_101);
        var seed = Random.Shared.Next();
        output.WriteLine($"Seed {seed}.");
        try
        {
            var report = await new ChaosRun(
                new ChaosOptions(
                    folder.FullName, Path.Combine(AppContext.BaseDirectory, "CloudSync.Server"), TimeSpan.FromMinutes(1),
                    FaultKinds.Choose("kill-gateway,kill-primary,pause-pgbouncer,cut-nginx-gateway,kill-redis,kill-nginx"), seed, Traces: [], FaultsMax: 10),
                output.WriteLine).RunAsync(TestContext.Current.CancellationToken);
            var text = new StringWriter();
            report.Write(text);
            output.WriteLine(text.ToString());
            Assert.True(report.Passed, $"Seed {seed}: {text}");
            Assert.True(report.Acknowledged > 0);
            Assert.True(report.FaultsInjected > 0);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [Theory]
    [InlineData("kill", "kill-gateway", "kill-nginx")]
    [InlineData("gateway", "kill-gateway", "pause-gateway")]
    [InlineData("clock, cache", "clock", "cache")]
    public void A_word_means_all_kinds_that_begin_or_end_with_it(string words, string one, string another)
    {
        var names = FaultKinds.Choose(words).Select(static kind => kind.Name).ToArray();
        Assert.Contains(one, names);
        Assert.Contains(another, names);
        Assert.DoesNotContain("restart-all", names);
    }

    [Fact]
    public void A_word_that_means_no_kind_is_refused_with_those_that_there_are() =>
        Assert.Contains("kill-primary", Assert.Throws<ArgumentException>(static () => FaultKinds.Choose("earthquake")).Message, StringComparison.Ordinal);
}
