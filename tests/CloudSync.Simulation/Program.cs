// ./cloudsync simulate

using CloudSync.Simulation.Commands;

return SimulateCommand.Run(args, Console.Error);
