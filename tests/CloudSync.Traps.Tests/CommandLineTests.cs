// What is wrong with a command line is said in one line, and isn't taken for a trap that was missed.

using CloudSync.Traps.Commands;
using Xunit;

namespace CloudSync.Traps.Tests;

public sealed class CommandLineTests
{
    [Theory]
    [InlineData("--seeds is at least 1.", "--seeds", "0")]
    [InlineData("--threads is 1 to 256.", "--threads", "0")]
    [InlineData("'nonsense'", "--seed", "nonsense")]
    [InlineData("'nonsense'", "--seeds", "nonsense")]
    [InlineData("'nonsense'", "--threads", "nonsense")]
    [InlineData("'nonsense'", "nonsense")]
    [InlineData("--only", "--only")]
    [InlineData("There is no trap 'nonsense'", "--only", "nonsense")]
    [InlineData("--build-server", "--build-server", "")]
    [InlineData("The last seed", "--seed", "9223372036854775807", "--only", "skip-gap")]
    public async Task A_wrong_command_line_is_told_in_one_line_with_an_exit_code_of_its_own(string what, params string[] args)
    {
        var errors = new StringWriter();
        Assert.Equal(2, await TrapsCommand.RunAsync(args, errors));
        var line = Assert.Single(errors.ToString().TrimEnd().Split('\n'));
        Assert.StartsWith("cloudsync: ", line, StringComparison.Ordinal);
        Assert.Contains(what, line, StringComparison.Ordinal);
    }
}
