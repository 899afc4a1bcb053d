// ./cloudsync traps

using CloudSync.Traps.Commands;

return await TrapsCommand.RunAsync(args, Console.Error);
