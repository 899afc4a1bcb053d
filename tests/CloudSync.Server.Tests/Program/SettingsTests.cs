// A setting that can't work ends the start, with one line that names it.

using Xunit;

namespace CloudSync.Server.Tests.Program;

public sealed class SettingsTests
{
    [Theory]
    [InlineData("CloudSync__TrustedProxies__0", "proxy.example", "CloudSync:TrustedProxies:0 is 'proxy.example'")]
    [InlineData("CloudSync__TrustedProxies", "127.0.0.1", "CloudSync:TrustedProxies is '127.0.0.1', but it is a list: set CloudSync:TrustedProxies:0")]
    [InlineData("CloudSync__TrustedProxies__0", "1", "CloudSync:TrustedProxies:0 is '1'")]
    [InlineData("CloudSync__TrustedProxies__0", "0/8", "CloudSync:TrustedProxies:0 is '0/8'")]
    [InlineData("CloudSync__TrustedProxies__0", "010.0.0.1", "CloudSync:TrustedProxies:0 is '010.0.0.1'")]
    [InlineData("CloudSync__Webhooks", "x", "CloudSync:Webhooks is one value, but it is a list")]
    [InlineData("CloudSync__Webhooks__0__Documents", "team-*", "CloudSync:Webhooks:…:Documents is one value, but it is a list")]
    [InlineData("CloudSync__RabbitMq__Uri", "amqp://a:b@127.0.0.1/x/y/z", "CloudSync:RabbitMq:Uri must look like")]
    [InlineData("CloudSync__Role", "primary", "CloudSync:Role is 'primary'; it must be all, gateway or worker")]
    [InlineData("CloudSync__Role", "worker", "set CloudSync:PostgreSql:ConnectionString")]
    [InlineData("CloudSync__PostgreSql__StandbyConnectionString", "Host=127.0.0.1", "CloudSync:PostgreSql:ConnectionString")]
    [InlineData("CloudSync__Limits__OperationBytes", "0", "OperationBytes")]
    [InlineData("CloudSync__Limits__OperationBytes", "many", "OperationBytes")]
    [InlineData("CloudSync__Delivery__AuditFolder", "/proc/audit", "CloudSync:Delivery:AuditFolder is '/proc/audit'")]
    public Task A_setting_that_is_none_is_named(string variable, string value, string message) =>
        FailsAsync(CommandLine.WrongUsage, [message], (variable, value));

    [Theory]
    [InlineData("WriteTimeout", "-00:00:01", "from 100 ms to 10 minutes")]
    [InlineData("WriteTimeout", "99999.00:00:00", "from 100 ms to 10 minutes")]
    [InlineData("ReadTimeout", "0", "from 1 s to 10 minutes")]
    [InlineData("StandbyTimeout", "99999.00:00:00", "from 10 ms to 1 minute")]
    [InlineData("StandbyPause", "-00:00:01", "from 0 to 1 hour")]
    [InlineData("StartPatience", "-1.00:00:00", "from 0 to 1 hour")]
    [InlineData("UnansweredWritesMax", "-1", "from 1 to 100")]
    public Task A_setting_of_PostgreSQL_out_of_bounds_is_named_at_the_start(string setting, string value, string allowed) =>
        FailsAsync(
            CommandLine.WrongUsage, [$"CloudSync:PostgreSql:{setting} is ", $"it must be {allowed}."],
            ("CloudSync__PostgreSql__ConnectionString", "Host=127.0.0.1;Port=1"), ("CloudSync__PostgreSql__" + setting, value));

    [Theory]
    [InlineData("ConnectionString")]
    [InlineData("StandbyConnectionString")]
    public Task A_connection_string_whose_parts_do_not_fit_together_is_one_line(string setting) => FailsAsync(
        CommandLine.LogUnusable, [$"Setting: CloudSync:PostgreSql:{setting}."],
        ("CloudSync__PostgreSql__ConnectionString", "Host=127.0.0.1;Port=1"), ("CloudSync__PostgreSql__StartPatience", "00:00:00"),
        ("CloudSync__PostgreSql__" + setting, "Host=127.0.0.1;Port=1;Maximum Pool Size=1;Minimum Pool Size=5"));

    private static async Task FailsAsync(int exitCode, string[] messages, params (string, string)[] variables)
    {
        var folder = Directory.CreateTempSubdirectory("cloudsync-test-");
        await using (var program = RunningProgram.Start(
            "CloudSync.Server", ["--port", "0", "--data", folder.FullName], [.. variables.GroupBy(static v => v.Item1).Select(static v => v.Last())]))
        {
            var (code, _, errors) = await program.ExitAsync();
            Assert.True(exitCode == code, errors);
            Assert.All(messages, message => Assert.Contains(message, errors));
            Assert.Equal(errors.Length - 1, errors.IndexOf('\n'));
        }

        folder.Delete(recursive: true);
    }
}
