// Connections without a WebSocket: what is told again, taken once, and ended.

namespace CloudSync.Traps.Catalogue;

internal static class PollingTraps
{
    private const string Output = "src/CloudSync/Gateway/Polling/PolledOutput.cs";
    private const string Endpoint = "src/CloudSync/Gateway/Polling/PollingEndpoint.cs";
    private const string Connection = "src/CloudSync/Gateway/Polling/PolledConnection.cs";
    private const string Connections = "src/CloudSync/Gateway/Polling/PolledConnections.cs";
    private const string Choice = "src/CloudSync.Client/TransportChoice.cs";
    private const string Transport = "src/CloudSync.Client/PolledTransport.cs";

    public static IReadOnlyList<Trap> All { get; } =
    [
        new("answer-forgotten", "what was told to a poll isn't told again when its answer gets lost",
            new Change(
                Output, "        lock (_gate)\n            (before, _poll) = (_poll, poll);",
                "        if (TRAP)\n            Acknowledge(_told);\n        lock (_gate)\n            (before, _poll) = (_poll, poll);")),
        new("post-taken-twice", "a post that comes again is taken for another one",
            new Change(
                Endpoint, "Input.HandInAsync(number, frame, waiting.Token)",
                "Input.HandInAsync(TRAP && number <= polled.Socket.Input.Accepted ? polled.Socket.Input.Accepted + 1 : number, frame, waiting.Token)")),
        new("post-renumbered", "a client that posts a frame again gives it a new number",
            new Change(
                Transport, "        await AgainAsync(async () => told = await PostAsync(number, frame)",
                "        var attempts = 0;\n        await AgainAsync(async () => told = await PostAsync(TRAP && attempts++ > 0 ? ++_posted : number, frame)")),
        new("resumed-too-late", "a poll goes on one message too late",
            new Change(
                Endpoint, "        if (received is { } number && !polled.Socket.Output.Acknowledge(number))",
                "        if (received is { } number && !(TRAP && polled.Socket.Output.Acknowledge(number + 1)) && !polled.Socket.Output.Acknowledge(number))")),
        new("never-falls-back", "where no WebSocket comes to be, clients try another for ever",
            new Change(
                Choice, "        _usePolled = end == ConnectionEnd.Decisive || _failures >= FailuresMax;",
                "        _usePolled = !TRAP && (end == ConnectionEnd.Decisive || _failures >= FailuresMax);")),
        new("cut-again-and-again", "where WebSockets are cut off behind the first messages, clients make another for ever",
            new Change(
                Choice, "            _usePolled = ++_cuts >= CutsMax;", "            _usePolled = ++_cuts >= CutsMax && !TRAP;")),
        new("polled-has-left", "whoever moves from a connection without a WebSocket is taken out at once",
            new Change(
                Connection, "        socket.CloseReceived(code);", "        socket.CloseReceived(TRAP ? 0 : code);")),
        new("polled-not-counted-out", "a connection without a WebSocket that has ended still counts",
            new Change(
                Connections, "            gateway.Connections.Leave(address, admission);",
                "            if (!TRAP)\n                gateway.Connections.Leave(address, admission);")),
    ];
}
