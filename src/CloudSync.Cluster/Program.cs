// `./cloudsync cluster …`: a whole cluster on one Linux machine. Exit codes: 0 done, and all is well; 1 it isn't, or a part
// didn't start; 2 wrong usage; 130 interrupted.

using CloudSync.Cluster.Commands;

return await CommandLine.RunAsync(args);
