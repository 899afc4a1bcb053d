// What is wrong with a command line is said in one line, before anything is started.

using Xunit;

namespace CloudSync.Chaos.Tests;

public sealed class CommandLineTests
{
    [Theory]
    [InlineData("--minutes is more than 0", "--minutes", "0")]
    [InlineData("--minutes is more than 0", "--minutes", "NaN")]
    [InlineData("--crowd is from 0", "--crowd", "-1")]
    [InlineData("'nonsense'", "--minutes", "nonsense")]
    [InlineData("'nonsense'", "--crowd", "nonsense")]
    [InlineData("'nonsense'", "--seed", "nonsense")]
    [InlineData("'nonsense'", "--faults", "nonsense")]
    [InlineData("'nonsense'", "nonsense")]
    [InlineData("/nonsense/CloudSync.Server", "--server", "/nonsense/CloudSync.Server")]
    [InlineData("/nonsense/session.json", "--trace", "/nonsense/session.json")]
    public async Task A_wrong_command_line_is_told_in_one_line(string what, params string[] args)
    {
        var errors = new StringWriter();
        Assert.Equal(2, await CommandLine.RunAsync(args, errors));
        var line = Assert.Single(errors.ToString().TrimEnd().Split('\n'));
        Assert.StartsWith("cloudsync: ", line, StringComparison.Ordinal);
        Assert.Contains(what, line, StringComparison.Ordinal);
    }
}
