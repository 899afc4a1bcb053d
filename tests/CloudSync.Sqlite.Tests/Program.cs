// The entry point of the tests, and of the process that KillTests starts to kill it.

using CloudSync.Sqlite.Tests;
using Xunit.MicrosoftTestingPlatform;

return args is [KillTests.ChildArgument or KillTests.PackingArgument, var path, var run]
    ? await KillTests.AppendUntilKilledAsync(path, run, packing: args[0] == KillTests.PackingArgument)
    : await TestPlatformTestFramework.RunAsync(args, SelfRegisteredExtensions.AddSelfRegisteredExtensions);
