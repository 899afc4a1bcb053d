// Which of the two PostgreSQL servers leads, and how that changes without losing an edit.

using CloudSync.Cluster.Parts;

namespace CloudSync.Cluster;

public sealed partial class LocalCluster
{
    /// <summary>
    /// Makes the standby the primary. If the old one runs it is stopped in order, and becomes the standby at once; if it is dead,
    /// that is done when the cluster is started next.
    /// </summary>
    /// <param name="promoted">Told when the new primary leads, before the old one is made its standby.</param>
    /// <param name="cancellationToken">Gives up, but not between the end of the old primary and the start of the new.</param>
    /// <returns>Whether there is a standby again. If not, every edit is on one disk only.</returns>
    /// <exception cref="ClusterUsageException">Edits could be lost by it, or there is nobody to lead; says which.</exception>
    /// <exception cref="PartStartException">The new one leads, and the old one couldn't be made its standby.</exception>
    public async Task<bool> FailOverAsync(Action? promoted, CancellationToken cancellationToken)
    {
        var (primary, standby) = (Postgres(State.Primary), Postgres(State.Standby));
        if (standby.Server is not { } next)
            throw new ClusterUsageException($"{State.Standby}, the standby, doesn't run: there is nothing to lead to.");
        if (!await StandbyHasAllAsync(primary, next, cancellationToken))
        {
            throw new ClusterUsageException(
                $"{next.Settings.Name} may not have every edit that {primary.Name} has acknowledged: `./cloudsync cluster up` first makes it the synchronous standby.");
        }

        var planned = primary.Server is not null;
        // From the first to the last of these there is no way back.
        await primary.StopAsync();
        await next.PromoteAsync(CancellationToken.None);
        _parts.Remove(State.Primary);
        _parts.Remove(State.Standby);
        Save(State with { Primary = State.Standby });
        if (PgBouncer.Server is { } bouncer)
            await bouncer.LeadToAsync(PrimaryPortFor(bouncer.Settings.Name), CancellationToken.None);
        promoted?.Invoke();
        if (!planned)
            return false;
        var follower = Postgres(State.Standby);
        try
        {
            await follower.StartAsync(cancellationToken);
            return true;
        }
        catch (Exception exception) when (exception is ServerStartException or IOException or UnauthorizedAccessException)
        {
            throw new PartStartException([(follower, exception.Message)]);
        }
    }

    // An edit is acknowledged when the standby has it, from the moment on when the primary is told to wait for it.
    private static async Task<bool> StandbyHasAllAsync(
        ClusterPart<PostgresServer> primary, PostgresServer standby, CancellationToken cancellationToken)
    {
        if (primary.Server is { } server)
        {
            try
            {
                return await server.HasSynchronousStandbyAsync(standby.Settings.Name, cancellationToken);
            }
            catch (ServerStartException)
            {
                // It runs and doesn't answer: what counts is what it was told last.
            }
        }

        // Without its disk nothing more can be lost than is lost.
        return !Directory.Exists(primary.Folder) || PostgresServer.WaitsFor(primary.Folder, standby.Settings.Name);
    }

    // It may run and not be waited for: when a start was given up half way.
    private async Task RequireSynchronousStandbyAsync(CancellationToken cancellationToken)
    {
        if (Postgres(State.Primary).Server is { } primary && Postgres(State.Standby).Server is not null
            && !PostgresServer.WaitsFor(primary.Settings.Folder, State.Standby))
            await primary.SetSynchronousStandbyAsync(State.Standby, cancellationToken);
    }
}
