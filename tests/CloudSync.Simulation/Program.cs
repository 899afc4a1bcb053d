// ./cloudsync simulate

using CloudSync.Simulation.Commands;

return SimulateCommand.Create().Parse(args).Invoke();
