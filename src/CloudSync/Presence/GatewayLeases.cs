// Which gateways are alive. Each sends one sign of life every third of a lease; whoever has not been heard for a whole
// lease is gone, and so are the people on it (law 7). A million connections cost one heartbeat for each gateway.

using System.Collections.Concurrent;
using CloudSync.Documents;
using CloudSync.Fanout;
using CloudSync.Protocol.V1;
using Google.Protobuf;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace CloudSync.Presence;

internal sealed class GatewayLeases(
    IOptions<CloudSyncOptions> options, SealedFanout fanout, TimeProvider time, ILogger<GatewayLeases> logger) : IAsyncDisposable
{
    // No document id can look like this.
    private const string Channel = "~gateways";

    private readonly TimeSpan _lease = options.Value.PresenceLease;
    private readonly ConcurrentDictionary<string, long> _heardTimestamps = new();
    private IAsyncDisposable? _subscription;
    private ITimer? _timer;

    public string GatewayId { get; } = options.Value.GatewayId;

    /// <summary>A gateway was heard that was not alive before: what it knows is not known here.</summary>
    public Action<string>? Appeared { get; set; }

    public async Task StartAsync(CancellationToken cancellationToken)
    {
        _subscription = await fanout.SubscribeAsync(Channel, OnMessage, cancellationToken);
        _timer = time.CreateTimer(static state => ((GatewayLeases)state!).Renew(), this, TimeSpan.Zero, _lease / 3);
        fanout.HealthChanged += OnHealthChanged;
    }

    // Gateways whose leases lapsed while they couldn't hear each other meet again at once.
    private void OnHealthChanged()
    {
        if (fanout.IsHealthyFor(Channel))
            Renew();
    }

    /// <summary>Any message from a gateway is a sign of its life.</summary>
    public void Heard(string gatewayId)
    {
        if (gatewayId == GatewayId)
            return;
        var wasAlive = IsAlive(gatewayId);
        _heardTimestamps[gatewayId] = time.GetTimestamp();
        if (!wasAlive)
            Appeared?.Invoke(gatewayId);
    }

    /// <summary>There are other gateways, as far as was heard lately.</summary>
    public bool HasOthers => !_heardTimestamps.IsEmpty;

    public bool IsAlive(string gatewayId) =>
        gatewayId == GatewayId
        || (_heardTimestamps.TryGetValue(gatewayId, out var heard) && time.GetElapsedTime(heard) < _lease);

    private void OnMessage(ReadOnlyMemory<byte> bytes)
    {
        try
        {
            Heard(FanoutMessage.Parser.ParseFrom(bytes.Span).GatewayId);
        }
        catch (InvalidProtocolBufferException exception)
        {
            logger.FanoutFailed(Channel, exception.Message);
        }
    }

    private void Renew()
    {
        foreach (var (gatewayId, heard) in _heardTimestamps)
        {
            // Long gone: no entry names it any more.
            if (time.GetElapsedTime(heard) > _lease * 10)
                _heardTimestamps.TryRemove(new(gatewayId, heard));
        }

        _ = PublishAsync();

        async Task PublishAsync()
        {
            try
            {
                var message = new FanoutMessage { GatewayId = GatewayId, GatewayLease = new GatewayLease() };
                await fanout.PublishAsync(Channel, message.ToByteArray(), CancellationToken.None);
            }
            catch (Exception exception)
            {
                logger.FanoutFailed(Channel, exception.Message);
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        fanout.HealthChanged -= OnHealthChanged;
        if (_timer is not null)
            await _timer.DisposeAsync();
        if (_subscription is not null)
            await _subscription.DisposeAsync();
    }
}
