// What is wrong with a command line is said in one line, and isn't taken for a seed that has failed.

using CloudSync.Simulation.Commands;
using Xunit;

namespace CloudSync.Simulation.Tests;

public sealed class CommandLineTests
{
    [Theory]
    [InlineData("--seeds is at least 1.", "--seeds", "0")]
    [InlineData("--threads is 1 to 256.", "--threads", "0")]
    [InlineData("--minutes is 0.05 to 60.", "--minutes", "NaN")]
    [InlineData("'nonsense'", "--seed", "nonsense")]
    [InlineData("'nonsense'", "--seeds", "nonsense")]
    [InlineData("'nonsense'", "--minutes", "nonsense")]
    [InlineData("'nonsense'", "--threads", "nonsense")]
    [InlineData("'nonsense'", "nonsense")]
    [InlineData("--seed", "--seed")]
    // They ran none, and found nothing wrong with it.
    [InlineData("The last seed", "--seed", "9223372036854775807", "--seeds", "2", "--minutes", "0.05")]
    public void A_wrong_command_line_is_told_in_one_line_with_an_exit_code_of_its_own(string what, params string[] args)
    {
        var errors = new StringWriter();
        Assert.Equal(2, SimulateCommand.Run(args, errors));
        var line = Assert.Single(errors.ToString().TrimEnd().Split('\n'));
        Assert.StartsWith("cloudsync: ", line, StringComparison.Ordinal);
        Assert.Contains(what, line, StringComparison.Ordinal);
    }
}
