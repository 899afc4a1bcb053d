// A consumer that writes down what it was given, in which order, and fails when it is told to. It may stand for several
// processes: what was seen anywhere counts.

using System.Text.Json;
using CloudSync.Delivery;

namespace CloudSync.RabbitMq.Tests;

internal sealed class RecordingConsumer(string name, DeliveryPolicy? policy = null) : IDeliveryConsumer
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, long> _reached = new(StringComparer.Ordinal);
    private readonly List<DeliveryMessage> _messages = [];
    private readonly List<string> _disorder = [];
    private TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public string Name => name;

    public DeliveryPolicy Policy { get; } = policy ?? new() { FirstWait = TimeSpan.FromMilliseconds(5) };

    /// <summary>Called before a message is written down; may throw, or wait.</summary>
    public Func<DeliveryMessage, CancellationToken, Task>? Before { get; set; }

    /// <summary>How many operations were handed over, each counted once.</summary>
    public long Operations
    {
        get
        {
            lock (_gate)
                return _reached.Values.Sum();
        }
    }

    /// <summary>First deliveries that came before an earlier one of the same document.</summary>
    public IReadOnlyList<string> Disorder
    {
        get
        {
            lock (_gate)
                return [.. _disorder];
        }
    }

    public IReadOnlyList<DeliveryMessage> Messages
    {
        get
        {
            lock (_gate)
                return [.. _messages];
        }
    }

    public async Task HandleAsync(DeliveryMessage message, CancellationToken cancellationToken)
    {
        if (Before is { } before)
            await before(message, cancellationToken);
        using var body = JsonDocument.Parse(message.Body);
        var versions = body.RootElement.GetProperty("operations").EnumerateArray()
            .Select(static operation => operation.GetProperty("version").GetInt64()).ToArray();
        lock (_gate)
        {
            var reached = _reached.GetValueOrDefault(message.DocumentId);
            if (!versions.SequenceEqual(Enumerable.Range(0, message.Count).Select(i => message.FirstVersion + i)))
                _disorder.Add($"{message.DocumentId}: {string.Join(',', versions)} in {message.FirstVersion}+{message.Count}");
            if (message.FirstVersion > reached + 1)
                _disorder.Add($"{message.DocumentId}: {message.FirstVersion} came after {reached}");
            _reached[message.DocumentId] = Math.Max(reached, message.LastVersion);
            _messages.Add(message);
            _changed.TrySetResult();
            _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
        }
    }

    /// <summary>Until every version of a document up to this one was handed over.</summary>
    public Task ReachAsync(string documentId, long version) =>
        UntilAsync(() => _reached.GetValueOrDefault(documentId) >= version, $"{name} reaches {documentId}/{version}");

    public Task ReceiveAsync(Predicate<DeliveryMessage> message) => UntilAsync(() => _messages.Exists(message), "a message");

    public async Task UntilAsync(Func<bool> condition, string what)
    {
        var patience = Task.Delay(TimeSpan.FromSeconds(60));
        while (true)
        {
            Task changed;
            lock (_gate)
            {
                if (condition())
                    return;
                changed = _changed.Task;
            }

            if (await Task.WhenAny(changed, patience) == patience)
                throw new TimeoutException($"Waited a minute until {what}; {string.Join(' ', _reached)}");
        }
    }
}
