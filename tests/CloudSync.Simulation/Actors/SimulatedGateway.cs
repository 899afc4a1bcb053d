// A gateway: the production services of a process, on the simulated parts. It can be started again after its end, as another
// process of the same place.

using System.Net;
using System.Runtime.InteropServices;
using CloudSync.Documents;
using CloudSync.Fanout;
using CloudSync.Gateway;
using CloudSync.Gateway.Polling;
using CloudSync.Presence;
using CloudSync.Simulation.Checking;
using CloudSync.Simulation.Network;
using CloudSync.Simulation.Network.Http;
using CloudSync.Simulation.Parts;
using CloudSync.Simulation.World;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace CloudSync.Simulation.Actors;

/// <summary>What all gateways are made of.</summary>
internal sealed record GatewayParts(
    SimulatedWorld World, Database Database, FanoutBus Bus, SimulatedCache Cache, CloudSyncOptions Options, int AppendsAtOnce,
    PolledTraffic Polled, Func<ulong> NewClientId);

internal sealed class SimulatedGateway : IDisposable
{
    private readonly GatewayParts _parts;
    private readonly List<GatewaySocket> _sockets = [];
    private readonly List<GatewayRequest> _requests = [];
    private readonly ReachedMetrics _meters;
    private readonly GatewayEnvironment _environment;
    private readonly GatewayEndpoint _endpoint;
    private readonly PolledConnections _polled;
    private readonly PollingEndpoint _polling;
    private readonly ConnectionTable _connections = new();
    private readonly ConnectionSweep _sweep;
    private readonly GatewayLeases _leases;
    private readonly Dictionary<byte[], GatewaySocket> _inParts = [];
    private bool _draining;

    /// <param name="parts">What all gateways are made of.</param>
    /// <param name="place">Its place.</param>
    /// <param name="incarnation">How often a gateway was started at this place.</param>
    /// <param name="clockError">By how much its time of day is wrong.</param>
    /// <param name="clockRate">How fast its other clock runs.</param>
    public SimulatedGateway(GatewayParts parts, int place, int incarnation, TimeSpan clockError, double clockRate)
    {
        _parts = parts;
        _meters = new(parts.World.Reached);
        Place = place;
        Process = new(parts.World, $"{Name}/{incarnation}", clockError, clockRate);
        var options = Options.Create(Copy(parts.Options, $"{Name}-{incarnation}"));
        var loggers = new SimulatedLoggers(Process);
        Log = new SimulatedLog(parts.Database, Process, parts.AppendsAtOnce);
        Fanout = new SimulatedFanout(parts.Bus, Process);
        var metrics = new DocumentMetrics(_meters, Process.Clock);
        var sealedFanout = new SealedFanout(Fanout, Log, metrics, loggers.Create<SealedFanout>());
        var reader = new DocumentReader(Log, loggers.Create<DocumentReader>());
        _leases = new GatewayLeases(options, sealedFanout, Process.Clock, loggers.Create<GatewayLeases>());
        OpenDocuments? documents = null;
        // Its timers and what it starts belong to the process from the first moment.
        Process.Run(
            _ => documents = new OpenDocuments(
                options, Log, sealedFanout, reader, _leases, new LocalSessionRecords(), metrics, Process.Clock,
                loggers.Create<OpenDocuments>(), Process.Scheduler),
            null);
        Documents = documents!;
        var versions = new VersionReader(Log, reader, parts.Cache.For(Process), metrics, Process.Clock);
        Service = new LogDocumentService(Log, Documents, versions, options.Value, Process.Clock, parts.NewClientId);
        _environment = new GatewayEnvironment(
            options, Documents, _connections, Process.Clock, new GatewayMetrics(_meters, _connections), loggers.Create<GatewayEnvironment>(),
            [], new ProcessFlushQueue(Process));
        _endpoint = new GatewayEndpoint(_environment);
        _sweep = new ConnectionSweep(_environment);
        _polled = new PolledConnections(_environment, parts.Polled);
        _polling = new PollingEndpoint(_environment, _polled, new PollingMetrics(_meters, _polled));
        Process.Run(
            _ =>
            {
                _ = _leases.StartAsync(CancellationToken.None);
                _ = _sweep.StartAsync(CancellationToken.None);
                _ = _polled.StartAsync(CancellationToken.None);
            },
            null);
        Process.Died += OnDied;
    }

    public int Place { get; }

    public string Name => $"gateway-{Place}";

    public SimulatedProcess Process { get; }

    public SimulatedLog Log { get; }

    public SimulatedFanout Fanout { get; }

    public OpenDocuments Documents { get; }

    public DocumentService Service { get; }

    public int Connections => _connections.Count;

    /// <summary>Load balancers send nobody here any more.</summary>
    public bool IsDraining => _draining;

    /// <summary>When it dies, its host does too: clients hear nothing at all.</summary>
    public bool DiesSilently { get; set; }

    /// <summary>Somebody connects.</summary>
    public void Accept(GatewaySocket socket)
    {
        _sockets.Add(socket);
        Process.Post(() => _ = AcceptAsync(socket));
    }

    /// <summary>A connection sends a message, or a part of one.</summary>
    public void Sends(GatewaySocket socket, ReadOnlyMemory<byte> bytes, bool isLast)
    {
        if (!MemoryMarshal.TryGetArray(bytes, out var segment) || (isLast && _inParts.Count == 0))
            return;
        // One array, and each is in the midst of it.
        if (_inParts.TryGetValue(segment.Array!, out var other) && other != socket)
            _parts.World.Reached.Count(Rare.SharedSnapshots);
        if (isLast)
            _inParts.Remove(segment.Array!);
        else
            _inParts[segment.Array!] = socket;
    }

    /// <summary>Somebody asks something over plain HTTP.</summary>
    public void Accept(GatewayRequest request)
    {
        _requests.Add(request);
        Process.Post(() => _ = ServeAsync(request));
    }

    /// <summary>Stops as the host does when it is told to: everybody is told, what was taken is committed; then it ends.</summary>
    public void Drain(Action ended)
    {
        _draining = true;
        Process.Post(() => _ = DrainAsync(ended));
    }

    public void Dispose()
    {
        Process.Kill();
        _environment.Dispose();
        _sweep.Dispose();
        _polled.Dispose();
        _meters.Dispose();
    }

    private async Task AcceptAsync(GatewaySocket socket)
    {
        var context = new DefaultHttpContext();
        context.Features.Set<IHttpWebSocketFeature>(socket);
        context.Features.Set<IHttpRequestLifetimeFeature>(socket);
        context.Connection.RemoteIpAddress = IPAddress.Loopback;
        await _endpoint.HandleAsync(context);
        _sockets.Remove(socket);
        if (socket.IsAccepted)
            socket.Connection.End();
        else
            socket.Connection.Refuse(
                $"The gateway answered {context.Response.StatusCode}.",
                int.TryParse(context.Response.Headers[ConnectionRefusal.RetryAfterMsHeader], out var milliseconds) ? TimeSpan.FromMilliseconds(milliseconds)
                : int.TryParse(context.Response.Headers.RetryAfter, out var seconds) ? TimeSpan.FromSeconds(seconds) : default);
    }

    private async Task ServeAsync(GatewayRequest request)
    {
        try
        {
            await _polling.HandleAsync(request.Context);
            await request.EndAsync();
        }
        catch (Exception exception)
        {
            _parts.World.Fail("unhandled", $"A request to {Name} failed: {exception}");
        }

        _requests.Remove(request);
    }

    private async Task DrainAsync(Action ended)
    {
        await new GatewayDrain(_environment).StoppingAsync(CancellationToken.None);
        await Documents.DisposeAsync();
        await _leases.DisposeAsync();
        ended();
    }

    private void OnDied()
    {
        foreach (var socket in _sockets.ToArray())
        {
            if (DiesSilently)
                socket.Connection.Abandon();
            else
                _parts.World.After(TimeSpan.FromMilliseconds(5), () => socket.Connection.Break("The gateway is gone."));
        }

        _sockets.Clear();
        foreach (var request in _requests.ToArray())
            request.Died(DiesSilently);
        _requests.Clear();
    }

    private static CloudSyncOptions Copy(CloudSyncOptions from, string gatewayId) => new()
    {
        GatewayId = gatewayId,
        HeartbeatInterval = from.HeartbeatInterval,
        HeartbeatTimeout = from.HeartbeatTimeout,
        SendTimeout = from.SendTimeout,
        DrainWindow = from.DrainWindow,
        DocumentIdleTimeout = from.DocumentIdleTimeout,
        HeadCheckInterval = from.HeadCheckInterval,
        SnapshotOperations = from.SnapshotOperations,
        HistoryTailOperations = from.HistoryTailOperations,
        HistoryPackOperations = from.HistoryPackOperations,
        PresenceLease = from.PresenceLease,
        ResumeWindow = from.ResumeWindow,
        Limits =
        {
            ConnectionsPerSecond = from.Limits.ConnectionsPerSecond,
            DocumentLoadsPerSecond = from.Limits.DocumentLoadsPerSecond,
        },
    };

    private sealed class ProcessFlushQueue(SimulatedProcess process) : FlushQueue
    {
        public override void Enqueue(IThreadPoolWorkItem flush) =>
            process.World.Enqueue(process, static flush => ((IThreadPoolWorkItem)flush!).Execute(), flush);
    }
}

/// <summary>What production code calls an error, nobody should ever see: it breaks a promise.</summary>
internal sealed class SimulatedLoggers(SimulatedProcess process)
{
    public ILogger<T> Create<T>() => new Logger<T>(process);

    private sealed class Logger<T>(SimulatedProcess process) : ILogger<T>
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Error || process.World.Listener is not null;

        public void Log<TState>(
            LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (logLevel >= LogLevel.Error)
                process.World.Fail("error", $"{process.Name}: {formatter(state, exception)} {exception}");
            else
                process.World.Tell($"{process.Name}: {formatter(state, exception)}");
        }
    }
}
