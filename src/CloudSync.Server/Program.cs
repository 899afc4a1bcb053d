// The CloudSync program. Its exit codes: 0 stopped as asked, 1 unexpected, 2 wrong usage or settings, 3 the database
// can't be used, 4 the address can't be listened on, 5 the data directory can't be made.

using CloudSync.Server;

return await CommandLine.RunAsync(args).ConfigureAwait(false);
