// Carries out what is planned.

using CloudSync.Documents;
using CloudSync.Operations;
using CloudSync.Simulation.Actors;
using CloudSync.Simulation.Checking;
using CloudSync.Simulation.Network;
using CloudSync.Simulation.Plan;
using CloudSync.Simulation.World;
using SyncStateKind = CloudSync.Client.SyncStateKind;
using TransportKind = CloudSync.Client.TransportKind;

namespace CloudSync.Simulation;

internal sealed class Stage(
    SimulatedWorld world, GatewayParts parts, Cluster cluster, SimulatedUser[] users, People people, string[] ids,
    IReadOnlyDictionary<string, (DocumentType Type, Intentions Intentions)> documents, Alphabet alphabet, Truth truth)
{
    // What is damaged or fails is asked so often in the meantime.
    private const int AskedMeanwhile = 12;

    // Longer than a lease, a heartbeat's timeout and what gateways tell each other again: what was missed is made up for.
    private static readonly TimeSpan _troubledAfter = TimeSpan.FromSeconds(20);

    private bool _healed;

    // Nobody edits it any more, so that its deletion has to be heard of.
    private string? _turnedFrom;

    public void Play(PlannedAction action)
    {
        var random = new Random(action.Seed);
        var id = ids[action.Document];
        if (action.Kind is not (ActionKind.Type or ActionKind.Select) && world.Listener is not null)
            world.Tell($"* {action.Kind} who={action.Who} document={action.Document} lasts={action.Lasts.TotalSeconds:0.0}");
        switch (action.Kind)
        {
            case ActionKind.Type:
                Type(users[action.Who], id, action, random);
                break;
            case ActionKind.Select:
                users[action.Who].Do(() => users[action.Who].Select(id, random));
                break;
            case ActionKind.OpenDocument:
                users[action.Who].Do(() => users[action.Who].OpenDocument(id));
                break;
            case ActionKind.CloseDocument:
                users[action.Who].Do(() => users[action.Who].CloseDocument(id));
                break;
            case ActionKind.JoinTogether:
                JoinTogether(id, action);
                break;
            case ActionKind.ReadVersion:
                Read(action.Who, id, random);
                break;
            case ActionKind.EditByServer:
                EditByServer(action.Who, id, random);
                break;
            case ActionKind.DeleteDocument:
                if (random.Next(2) == 0)
                    _turnedFrom = id;
                new Deleter(world, cluster, truth, id).Start(action.Who);
                break;
            case ActionKind.Rename:
                cluster.Gateways[action.Who]?.Process.Post(() => _ = RenameAsync(cluster.Gateways[action.Who], id, action.Seed));
                break;
            default:
                Break(action, random);
                break;
        }
    }

    /// <summary>Nothing goes wrong any more, and what was broken is mended.</summary>
    public void Heal()
    {
        _healed = true;
        foreach (var user in users)
        {
            user.Line.BytesPerSecond = 10_000_000;
            user.Line.GoOnline();
            user.Line.Restore();
            user.Line.ReadAgain();
            (user.Line.Block, user.Line.HoldsAnswers, user.Line.RequestFaultRate) = (user.Line.UsualBlock, false, 0);
            if (user.Disk is { } disk)
                (disk.FailureRate, disk.Slowness) = (0, 1);
            user.GoOn();
        }

        for (var i = 0; i < cluster.Gateways.Count; i++)
            cluster.Start(i);
        foreach (var gateway in cluster.Running)
        {
            gateway.Log.IsCut = false;
            gateway.Fanout.IsSilent = false;
            if (gateway.Fanout.IsCut)
                gateway.Fanout.SetCut(false);
        }

        if (!parts.Database.IsUp)
            parts.Database.Start();
        parts.Database.Slowness = 1;
        parts.Database.FailureRate = 0;
        parts.Bus.LossRate = parts.Bus.RepeatRate = parts.Bus.MixUpRate = 0;
        if (parts.Bus.IsDown)
            parts.Bus.SetDown(false);
        parts.Cache.DamageRate = 0;
        parts.Cache.IsDown = false;
    }

    private void Break(PlannedAction action, Random random)
    {
        // A silent line, or one that carries little, is noticed by each end at another time; so are a gateway that is gone without a word
        // and messages that gateways miss. Who is where isn't certain then.
        if (action.Kind is ActionKind.SilenceLine or ActionKind.NarrowLine or ActionKind.PauseDevice or ActionKind.HoldAnswers
            or ActionKind.MangleRequests or ActionKind.StopReading)
            users[action.Who].Trouble(action.Lasts + _troubledAfter);
        else if (action.Kind is ActionKind.VanishGateway or ActionKind.PauseGateway or ActionKind.LoseFanout or ActionKind.DownFanout
            or ActionKind.CutFanout or ActionKind.SilenceFanout)
            people.TroubledUntil = Math.Max(people.TroubledUntil, world.Now + (action.Lasts + _troubledAfter).Ticks);
        else if (action.Kind is ActionKind.CrashDatabase or ActionKind.SlowDatabase or ActionKind.FailDatabase or ActionKind.CutDatabase)
            people.LogTroubledUntil = Math.Max(people.LogTroubledUntil, world.Now + (action.Lasts + _troubledAfter).Ticks);
        if (action.Kind < ActionKind.KillGateway)
            BreakDevice(users[action.Who], action, random);
        else if (action.Kind < ActionKind.CrashDatabase)
            BreakGateway(action.Who, action, random);
        else
            BreakParts(action, random);
    }

    private void BreakDevice(SimulatedUser user, PlannedAction action, Random random)
    {
        switch (action.Kind)
        {
            case ActionKind.GoOffline:
                user.Line.GoOffline();
                Afterwards(action, user.Line.GoOnline);
                break;
            case ActionKind.BreakLine:
                user.Line.Break();
                break;
            case ActionKind.SilenceLine:
                user.Line.Silence();
                Afterwards(action, user.Line.Restore);
                // Nobody hears of it when the device's battery ends meanwhile.
                if (random.Next(3) == 0)
                    world.After(action.Lasts * random.NextDouble(), () => IfBroken(() => PowerOff(user, action)));
                break;
            case ActionKind.NarrowLine:
                user.Line.BytesPerSecond = 200 + random.Next(5_000);
                Afterwards(action, () => user.Line.BytesPerSecond = 10_000_000);
                break;
            case ActionKind.BlockWebSockets:
                BlockWebSockets(user, action, random);
                break;
            case ActionKind.HoldAnswers:
                user.Line.HoldsAnswers = true;
                Afterwards(action, () => user.Line.HoldsAnswers = false);
                break;
            case ActionKind.MangleRequests:
                user.Line.RequestFaultRate = 0.05 + (0.5 * random.NextDouble());
                Afterwards(action, () => user.Line.RequestFaultRate = 0);
                break;
            case ActionKind.StopReading:
                user.Line.StopReading();
                Afterwards(action, user.Line.ReadAgain);
                break;
            case ActionKind.PauseDevice:
                user.Process.Pause(action.Lasts);
                break;
            case ActionKind.RestartDevice:
                AmidTyping(user, action, random, () =>
                {
                    user.Crash(losesPower: false);
                    user.GoOn();
                });
                break;
            case ActionKind.PowerOffDevice:
                AmidTyping(user, action, random, () => PowerOff(user, action));
                break;
            case ActionKind.QuitDevice:
                user.Quit();
                Afterwards(action, user.GoOn);
                break;
            case ActionKind.FailDisk when user.Disk is { } disk:
                disk.FailureRate = 0.5;
                Afterwards(action, () => disk.FailureRate = 0);
                break;
            case ActionKind.SlowDisk when user.Disk is { } disk:
                disk.Slowness = 100;
                Afterwards(action, () => disk.Slowness = 1);
                break;
        }
    }

    // What doesn't look for another way waits for as long as that may take; it doesn't take a network's word for the server's.
    private void BlockWebSockets(SimulatedUser user, PlannedAction action, Random random)
    {
        user.Line.Block = user.Transport == TransportKind.Auto && random.Next(3) == 0 ? WebSocketBlock.Denied
            : random.Next(3) switch { 0 => WebSocketBlock.Cut, 1 => WebSocketBlock.CutLater, _ => WebSocketBlock.Swallowed };
        if (random.Next(2) == 0)
            user.Line.Break();
        Afterwards(action, () => user.Line.Block = user.Line.UsualBlock);
    }

    private void PowerOff(SimulatedUser user, PlannedAction action)
    {
        user.Crash(losesPower: true);
        Afterwards(action, user.GoOn);
    }

    // Most of the time nothing is being written. So it happens with a sentence half typed, as often as not; where contents are long, now
    // and then between a content and the edits that refer to it.
    private void AmidTyping(SimulatedUser user, PlannedAction action, Random random, Action end)
    {
        if (user is { PastesLong: true, Disk: { } disk } && random.Next(2) == 0)
        {
            disk.ContentWritten = () => world.After(TimeSpan.FromMilliseconds(3 * random.NextDouble()), () => IfBroken(end));
            return;
        }

        if (random.Next(2) == 0)
        {
            end();
            return;
        }

        for (var i = random.Next(3); i >= 0; i--)
            user.Do(() => user.Edit(ids[action.Document], random));
        world.After(TimeSpan.FromMilliseconds(12 * random.NextDouble()), () => IfBroken(end));
    }

    private void BreakGateway(int place, PlannedAction action, Random random)
    {
        switch (action.Kind)
        {
            case ActionKind.KillGateway:
            case ActionKind.VanishGateway:
                cluster.Kill(place, silently: action.Kind == ActionKind.VanishGateway);
                Afterwards(action, () => cluster.Start(place));
                // Now and then somebody's device goes with it, so that nobody is left to say that he has gone.
                if (random.Next(3) == 0)
                    PowerOff(users[random.Next(users.Length)], action);
                break;
            case ActionKind.DrainGateway:
                cluster.Replace(place);
                break;
            case ActionKind.PauseGateway:
                cluster.Gateways[place]?.Process.Pause(action.Lasts);
                break;
            case ActionKind.JumpClock:
                if (cluster.Gateways[place] is { } gateway)
                    gateway.Process.Clock.Error += TimeSpan.FromSeconds(random.Next(-100_000, 100_000));
                break;
            case ActionKind.BreakAllLines:
                if (users.Count(static user => user.Client.State.Kind == SyncStateKind.Live) >= SimulatedRun.Crowd)
                    world.Reached.Count(Rare.Storms);
                foreach (var user in users)
                    user.Line.Break();
                break;
            default:
                for (var i = 0; i < cluster.Gateways.Count; i++)
                {
                    var each = i;
                    cluster.Kill(each, silently: false);
                    Afterwards(action, () => cluster.Start(each));
                }

                break;
        }
    }

    private void BreakParts(PlannedAction action, Random random)
    {
        var gateway = cluster.Gateways[action.Who];
        switch (action.Kind)
        {
            case ActionKind.CrashDatabase when parts.Database.IsUp:
                parts.Database.Crash();
                Afterwards(action, parts.Database.Start);
                break;
            case ActionKind.SlowDatabase:
                parts.Database.Slowness = 100;
                Afterwards(action, () => parts.Database.Slowness = 1);
                break;
            case ActionKind.FailDatabase:
                parts.Database.FailureRate = 0.4;
                Meanwhile(action, () => EditByServer(action.Who, ids[action.Document], random));
                Afterwards(action, () => parts.Database.FailureRate = 0);
                break;
            case ActionKind.CutDatabase when gateway is not null:
                gateway.Log.IsCut = true;
                Afterwards(action, () => gateway.Log.IsCut = false);
                break;
            case ActionKind.LoseFanout:
                (parts.Bus.LossRate, parts.Bus.RepeatRate, parts.Bus.MixUpRate) = (0.4, 0.3, 0.2);
                Afterwards(action, () => parts.Bus.LossRate = parts.Bus.RepeatRate = parts.Bus.MixUpRate = 0);
                break;
            case ActionKind.DownFanout when !parts.Bus.IsDown:
                parts.Bus.SetDown(true);
                Afterwards(action, () => parts.Bus.SetDown(false));
                break;
            case ActionKind.CutFanout when gateway is not null:
                gateway.Fanout.SetCut(true);
                Afterwards(action, () => gateway.Fanout.SetCut(false));
                break;
            case ActionKind.SilenceFanout when gateway is not null:
                gateway.Fanout.IsSilent = true;
                Afterwards(action, () => gateway.Fanout.IsSilent = false);
                break;
            case ActionKind.DamageCache:
                parts.Cache.DamageRate = 0.7;
                // Of what nobody reads meanwhile nobody would know that it is damaged.
                Meanwhile(action, () => Read(action.Who, ids[action.Document], random));
                Afterwards(action, () => parts.Cache.DamageRate = 0);
                break;
            case ActionKind.DownCache:
                parts.Cache.IsDown = true;
                Afterwards(action, () => parts.Cache.IsDown = false);
                break;
        }
    }

    private void Afterwards(PlannedAction action, Action mend) => world.After(action.Lasts, () => IfBroken(mend));

    // When all was healed nothing is broken any more, nor mended.
    private void IfBroken(Action act)
    {
        if (!_healed)
            act();
    }

    private void Meanwhile(PlannedAction action, Action ask)
    {
        for (var i = 0; i < AskedMeanwhile; i++)
            world.After(action.Lasts * (i / (double)AskedMeanwhile), () => IfBroken(ask));
    }

    private void EditByServer(int place, string id, Random random) =>
        new ServerEditor(world, cluster, truth, documents[id].Type, documents[id].Intentions, alphabet, random).Start(place);

    private void Type(SimulatedUser user, string id, PlannedAction action, Random random)
    {
        for (var i = 0; i < action.Count; i++)
        {
            world.After(action.Lasts * (i / (double)action.Count), () => IfBroken(() =>
            {
                if (id != _turnedFrom)
                    user.Do(() => user.Edit(id, random));
            }));
        }
    }

    // All who have it open close it, and all who are there open it a moment later.
    private void JoinTogether(string id, PlannedAction action)
    {
        foreach (var user in users)
            user.Do(() => user.CloseDocument(id));
        world.After(TimeSpan.FromSeconds(2 + (4 * new Random(action.Seed).NextDouble())), () => IfBroken(() =>
        {
            foreach (var user in users)
                user.Do(() => user.OpenDocument(id));
        }));
    }

    private void Read(int place, string id, Random random)
    {
        if (cluster.Gateways[place] is { } gateway)
            gateway.Process.Post(() => _ = ReadAsync(gateway, id, random));
    }

    private async Task ReadAsync(SimulatedGateway gateway, string id, Random random)
    {
        var wasDeleted = truth.Documents[id].IsDeleted;
        try
        {
            var record = await gateway.Service.GetAsync(id, CancellationToken.None);
            // The same few versions again and again, so that they come from the cache.
            var version = record.Head - (record.Head % 40);
            if (random.Next(2) == 0)
                version = random.NextInt64(record.Head + 1);
            var content = await gateway.Service.ReadAsync(id, version, CancellationToken.None);
            if (wasDeleted)
                world.Fail("undead", $"{gateway.Name} gave {id} to somebody who asked for it when it was deleted.");
            truth.Shown($"a read from {gateway.Name}", id, content.Version, content.State);
        }
        catch (RefusedException exception) when (exception.Refusal.Code is Protocol.V1.ErrorCode.LogUnavailable or Protocol.V1.ErrorCode.ShuttingDown)
        {
            // Said plainly, and changes nothing.
        }
        catch (RefusedException exception)
            when (exception.Refusal.Code == Protocol.V1.ErrorCode.DocumentNotFound && truth.Documents[id].IsDeleted)
        {
            // So is that.
        }
        catch (Exception exception)
        {
            world.Fail("error", $"A read of {id} from {gateway.Name} failed: {exception}");
        }
    }

    private static async Task RenameAsync(SimulatedGateway? gateway, string id, int number)
    {
        try
        {
            await gateway!.Service.RenameAsync(id, $"title {number}", CancellationToken.None);
        }
        catch (RefusedException)
        {
            // The database was away: whoever asked was told.
        }
    }
}
