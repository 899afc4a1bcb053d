// What is planned to happen in a run: what people do, and what goes wrong. Made from the seed before the run, so that a run can be
// repeated with less of it.

namespace CloudSync.Simulation.Plan;

internal enum ActionKind
{
    // What people do.
    Type,
    Select,
    OpenDocument,
    CloseDocument,
    JoinTogether,
    ReadVersion,
    EditByServer,
    Rename,
    DeleteDocument,

    // What goes wrong with their devices and lines.
    GoOffline,
    BreakLine,
    SilenceLine,
    NarrowLine,
    BlockWebSockets,
    HoldAnswers,
    MangleRequests,
    StopReading,
    PauseDevice,
    RestartDevice,
    PowerOffDevice,
    QuitDevice,
    FailDisk,
    SlowDisk,

    // What goes wrong with gateways.
    KillGateway,
    VanishGateway,
    DrainGateway,
    PauseGateway,
    JumpClock,
    KillAllGateways,
    BreakAllLines,

    // What goes wrong with the parts.
    CrashDatabase,
    SlowDatabase,
    FailDatabase,
    CutDatabase,
    LoseFanout,
    DownFanout,
    CutFanout,
    SilenceFanout,
    DamageCache,
    DownCache,
}

/// <summary>One thing that happens.</summary>
/// <param name="At">When, since the world began.</param>
/// <param name="Kind">What.</param>
/// <param name="Who">Which person or gateway, by number.</param>
/// <param name="Document">Which document, by number.</param>
/// <param name="Lasts">How long.</param>
/// <param name="Count">How often.</param>
/// <param name="Seed">Everything else about it.</param>
internal sealed record PlannedAction(
    TimeSpan At, ActionKind Kind, int Who, int Document, TimeSpan Lasts, int Count, int Seed)
{
    public bool IsFault => Kind >= ActionKind.GoOffline;

    public override string ToString() => string.Create(
        System.Globalization.CultureInfo.InvariantCulture,
        $"{At.TotalSeconds,8:0.000} {Kind} who={Who} document={Document} lasts={Lasts.TotalSeconds:0.000} count={Count}");
}
