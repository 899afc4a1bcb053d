// `./cloudsync chaos …`: faults in a cluster while clients write, and whether anything was lost. Exit codes: 0 nothing was
// lost, duplicated or diverged, and there is no anomaly; 1 there is, or the run broke off; 2 wrong usage; 130 interrupted.

using CloudSync.Chaos;

return await CommandLine.RunAsync(args, Console.Error);
