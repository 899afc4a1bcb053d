// The measuring program: each command is a measurement. Started by the launcher.

using System.CommandLine;
using CloudSync.Bench.Connections;
using CloudSync.Bench.Replay;

return await new RootCommand("Measures CloudSync.") { ReplayCommand.Create(), ConnectionsCommand.Create() }
    .Parse(args).InvokeAsync();
