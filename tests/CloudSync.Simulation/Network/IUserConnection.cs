// A device's connection, of whatever kind.

namespace CloudSync.Simulation.Network;

internal interface IUserConnection
{
    /// <summary>As far as anybody can tell, both ends are there.</summary>
    bool IsUp { get; }
}
