// The measuring program: each command is a measurement, or a comparison. Started by the launcher.

using System.CommandLine;
using CloudSync.Bench.Compare;
using CloudSync.Bench.Connections;
using CloudSync.Bench.Engine;
using CloudSync.Bench.Fuzz;
using CloudSync.Bench.GeneratorProcesses;
using CloudSync.Bench.History;
using CloudSync.Bench.Join;
using CloudSync.Bench.Load;
using CloudSync.Bench.Log;
using CloudSync.Bench.Replay;
using CloudSync.Bench.Storm;
using CloudSync.Bench.Verify;

const int WrongArguments = 2;

var parsed = new RootCommand("Measures and verifies CloudSync.")
{
    ReplayCommand.Create(),
    ConnectionsCommand.Create(),
    StormCommand.Create(),
    GeneratorCommand.Create(),
    EngineCommand.Create(),
    HistoryCommand.Create(),
    LogCommand.Create(),
    LoadCommand.Create(),
    CompareCommand.Create(),
    JoinCommand.Create(),
    VerifyCommand.Create(),
    FuzzCommand.Create(),
}.Parse(args);
// 1 says that something was found, or differs.
if (parsed.Errors.Count == 0)
    return await parsed.InvokeAsync(new() { ProcessTerminationTimeout = TimeSpan.FromSeconds(60) });
foreach (var error in parsed.Errors)
    await Console.Error.WriteLineAsync($"cloudsync: {error.Message}");
return WrongArguments;
