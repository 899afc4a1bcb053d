// The entry point of the tests, and of the process that KillTests starts to kill it.

using CloudSync.Sqlite.Tests;
using Xunit.MicrosoftTestingPlatform;

return args is [KillTests.ChildArgument, var path, var runs]
    ? await KillTests.AppendUntilKilledAsync(path, runs)
    : await TestPlatformTestFramework.RunAsync(args, SelfRegisteredExtensions.AddSelfRegisteredExtensions);
