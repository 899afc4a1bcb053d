// bench storm: who is where, what becomes of the numbers, and the whole of it with small ones.

using System.Text.Json.Nodes;
using CloudSync.Bench.Storm;
using CsCheck;
using Xunit;

namespace CloudSync.Bench.Tests;

public sealed class StormTests
{
    [Fact]
    public void Everybody_of_the_storm_is_on_the_gateway_that_dies_and_those_who_see_it_are_on_the_others() =>
        Gen.Select(Gen.Int[1, 17_000], Gen.Int[1, 6]).Sample((count, gateways) =>
        {
            var plan = StormPlan.Create(count, gateways, null, 10, TimeSpan.Zero, drains: false);
            var storm = plan.StormOf([.. Enumerable.Range(0, plan.Documents).Select(static number => $"{number}")]);
            Assert.Equal(count, storm.Sum(static document => document.Clients));
            Assert.All(storm, static document => Assert.Equal(0, document.Server));
            Assert.All(storm, static document => Assert.InRange(document.Writers, 1, document.Clients));
            var live = plan.LiveOf([.. Enumerable.Range(0, StormPlan.LiveDocuments).Select(static number => $"{number}")]);
            Assert.Equal(StormPlan.LiveDocuments * StormPlan.LiveClients, live.Sum(static document => document.Clients));
            Assert.Equal(
                Enumerable.Range(Math.Min(1, gateways - 1), Math.Max(1, gateways - 1)),
                live.Select(static document => document.Server).Distinct().Order());
        }, iter: 200);

    [Theory]
    [InlineData(new long[] { }, 0)]
    [InlineData(new long[] { 3, 1 }, 4)]
    [InlineData(new long[] { 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1 }, 10)]
    [InlineData(new long[] { 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 8, 7 }, 15)]
    public void The_busiest_second_begins_at_any_tenth(long[] tenths, long most) => Assert.Equal(most, StormRun.MostInASecond(tenths));

    [Fact]
    public async Task All_come_back_to_the_server_that_cut_them_off_nothing_is_lost_and_the_numbers_add_up()
    {
        // A few connections a second and no more: some have to be told to come back.
        var (exitCode, output, errors) = await Programs.RunAsync(
            new Dictionary<string, string> { ["CloudSync__Limits__ConnectionsPerSecond"] = "150" },
            "storm", "--count", "300", "--documents", "6", "--gateways", "1", "--seconds", "1", "--rate", "50", "--json");
        Assert.True(exitCode == 0, errors);
        var report = JsonNode.Parse(output.TrimEnd().Split('\n')[^1])!;
        Assert.Equal((300, 300, 0), ((int)report["connections"]!, (int)report["back"]!, (int)report["left_out"]!));
        Assert.Equal((0, 0, 0), ((int)report["lost"]!, (int)report["duplicated"]!, (int)report["live_broken"]!));
        Assert.Empty(report["failures"]!.AsObject());
        Assert.Empty(report["edits_refused"]!.AsObject());
        Assert.InRange((int)report["sent_back"]!, 1, 100_000);
        // Each document has one who writes, and all press a key just before.
        Assert.InRange((int)report["in_flight"]!, 0, 6);
        Assert.InRange((int)report["sent_again"]!, 0, (int)report["in_flight"]!);
        Assert.InRange((int)report["connects_per_s"]!, 1, 300);
        Assert.InRange((double)report["back_s_p50"]!, 0.001, (double)report["back_s_max"]!);
        Assert.InRange((double)report["away_s_max"]!, 0.001, (double)report["back_s_max"]! + 0.01);
        foreach (var when in (string[])["before", "during", "after"])
            Assert.InRange((double)report[when]!["live_latency_ms_p50"]!, 0.001, (double)report[when]!["live_latency_ms_max"]!);
        Assert.True((double)report["server_cores"]! > 0);
        Assert.True((double)report["pace_min"]! > 0);
        Assert.Contains("were cut", output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("storm --count 0", "--count is from 1 to 18000.")]
    [InlineData("storm --gateways 0", "--gateways is from 1 to 30.")]
    [InlineData("storm --rate 0", "--rate is from 1 to 5000.")]
    [InlineData("storm --count 5 --documents 6", "--documents are at most as many as --count.")]
    [InlineData("storm --documents 0", "--documents is from 1 to 18000.")]
    [InlineData("storm --drain --gateways 1", "--drain needs another gateway that they can go to.")]
    public async Task What_does_not_go_together_is_one_line_and_exit_code_2(string arguments, string line)
    {
        var (exitCode, output, errors) = await Programs.RunAsync(arguments.Split(' '));
        Assert.Equal((2, "", $"cloudsync: {line}\n"), (exitCode, output, errors));
    }

    [Theory]
    [InlineData("1")]
    [InlineData("2")]
    public async Task More_than_the_gateways_that_are_left_can_take_is_one_line_and_exit_code_1(string gateways)
    {
        var (exitCode, output, errors) = await Programs.RunAsync("storm", "--count", "18000", "--gateways", gateways);
        Assert.Equal(
            (1, "", "cloudsync: --count is at most 17800 with so few gateways: all are to find a place on those that are left.\n"),
            (exitCode, output, errors));
    }

    [Theory]
    [InlineData(0, 0, 0, 0, true)]
    [InlineData(1, 0, 0, 0, false)]
    [InlineData(0, 1, 0, 0, false)]
    [InlineData(0, 0, 1, 0, false)]
    [InlineData(0, 0, 0, 1, false)]
    public void Whoever_is_left_out_or_loses_anything_makes_the_exit_code_1(long leftOut, long lost, long duplicated, long broken, bool isWhole)
    {
        var nothing = new LiveLatency(0, 0, 0);
        Assert.Equal(isWhole, new StormReport
        {
            Target = "t", Storm = "killed", Connections = 1, Documents = 1, Gateways = 1, Back = 1, BackP50 = 0, BackP99 = 0, BackMax = 0,
            AwayP50 = 0, AwayP99 = 0, AwayMax = 0, ConnectsPerS = 0, SentBack = 0, Failures = new Dictionary<string, int>(), Before = nothing,
            During = nothing, After = nothing, EditsAcknowledged = 0, InFlight = 0, SentAgain = 0, EditsRefused = new Dictionary<string, long>(),
            GeneratorCores = 0, SentLateMsP99 = 0,
            LeftOut = leftOut, Lost = lost, Duplicated = duplicated, LiveBroken = broken,
        }.IsWhole());
    }
}
