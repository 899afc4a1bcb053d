// ./cloudsync traps

using CloudSync.Traps.Commands;

return await TrapsCommand.Create().Parse(args).InvokeAsync();
