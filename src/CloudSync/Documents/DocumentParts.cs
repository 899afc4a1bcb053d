// What every open document of a process shares: the ports, the group commit, the limits and the clock.

using CloudSync.Fanout;
using CloudSync.Log;
using CloudSync.Presence;
using CloudSync.Protocol.V1;
using Google.Protobuf;
using Microsoft.Extensions.Logging;

namespace CloudSync.Documents;

/// <remarks>The scheduler is where documents' workers run: the thread pool, or the simulator's single thread.</remarks>
internal sealed record DocumentParts(
    CloudSyncOptions Options,
    IOperationLog Log,
    IFanout Fanout,
    GroupCommit Commit,
    HistoryPacker Packer,
    DocumentReader Reader,
    GatewayLeases Leases,
    ISessionRecords Sessions,
    DocumentMetrics Metrics,
    TimeProvider Time,
    TaskScheduler Scheduler,
    ILogger Logger)
{
    /// <summary>Names this gateway in what it tells the others.</summary>
    public string GatewayId => Leases.GatewayId;

    /// <summary>Tells the other gateways something of a document. A hint: that it fails is only noted.</summary>
    public void PublishToGateways(string documentId, FanoutMessage message)
    {
        message.GatewayId = GatewayId;
        try
        {
            var publishing = Fanout.PublishAsync(documentId, message.ToByteArray(), CancellationToken.None);
            if (!publishing.IsCompletedSuccessfully)
                _ = ObserveAsync(publishing);
        }
        catch (Exception exception)
        {
            Logger.FanoutFailed(documentId, exception.Message);
        }

        async Task ObserveAsync(ValueTask publishing)
        {
            try
            {
                await publishing;
            }
            catch (Exception exception)
            {
                Logger.FanoutFailed(documentId, exception.Message);
            }
        }
    }

    /// <summary>Starts work that nobody waits for; it handles its own exceptions.</summary>
    public void Start(Func<Task> work) =>
        _ = Task.Factory.StartNew(work, CancellationToken.None, TaskCreationOptions.DenyChildAttach, Scheduler);
}
