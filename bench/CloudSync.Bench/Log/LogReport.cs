// What `bench log` found.

using System.Globalization;
using Spectre.Console;

namespace CloudSync.Bench.Log;

/// <param name="Documents">Documents appended to at the same time.</param>
/// <param name="BatchOperations">Operations in one batch of a document.</param>
/// <param name="OperationsPerSecond">Durable ones.</param>
/// <param name="P50Milliseconds">From handing a batch over until it is durable; the median.</param>
/// <param name="P99Milliseconds">99 of 100 are not slower.</param>
/// <param name="MaxMilliseconds">The slowest.</param>
internal sealed record ThroughputResult(
    int Documents, int BatchOperations, double OperationsPerSecond, double P50Milliseconds, double P99Milliseconds,
    double MaxMilliseconds);

/// <param name="OperationsPerSecond">The rate at which they came.</param>
/// <param name="AloneP50Milliseconds">The log by itself, one operation an append.</param>
/// <param name="AloneP99Milliseconds">The same.</param>
/// <param name="GroupedP50Milliseconds">Through group commit.</param>
/// <param name="GroupedP99Milliseconds">The same.</param>
internal sealed record LowLoadResult(
    double OperationsPerSecond, double AloneP50Milliseconds, double AloneP99Milliseconds, double GroupedP50Milliseconds,
    double GroupedP99Milliseconds);

/// <param name="Backend">Which log.</param>
/// <param name="Outbox">Whether an outbox was kept.</param>
/// <param name="Gateways">How many wrote at the same time, each with a group commit of its own.</param>
/// <param name="Throughput">By number of documents and size of batches.</param>
/// <param name="LowLoad">What batching adds when there is little to do.</param>
/// <param name="BytesPerOperation">On disk, before anything is packed; indexes and documents included.</param>
internal sealed record LogReport(
    string Backend, bool Outbox, int Gateways, IReadOnlyList<ThroughputResult> Throughput, LowLoadResult LowLoad,
    double BytesPerOperation)
{
    public void Write(IAnsiConsole console)
    {
        var table = new Table().AddColumns("documents", "operations in a batch", "durable operations/s", "p50 ms", "p99 ms", "max ms");
        foreach (var column in table.Columns)
            column.RightAligned();
        foreach (var result in Throughput)
        {
            table.AddRow(
                Number(result.Documents, "N0"), Number(result.BatchOperations, "N0"), Number(result.OperationsPerSecond, "N0"),
                Number(result.P50Milliseconds, "N2"), Number(result.P99Milliseconds, "N2"), Number(result.MaxMilliseconds, "N1"));
        }

        console.MarkupLineInterpolated(
            $"[bold]{Backend}[/], outbox {(Outbox ? "on" : "off")}, {Gateways} writing at the same time");
        console.Write(table);
        console.MarkupLine(string.Create(
            CultureInfo.InvariantCulture,
            $"At {LowLoad.OperationsPerSecond:N0} operations/s: p50 {LowLoad.AloneP50Milliseconds:N2} ms and p99 {LowLoad.AloneP99Milliseconds:N2} ms by itself, p50 {LowLoad.GroupedP50Milliseconds:N2} ms and p99 {LowLoad.GroupedP99Milliseconds:N2} ms through group commit."));
        console.MarkupLine(string.Create(CultureInfo.InvariantCulture, $"On disk: {BytesPerOperation:N0} bytes an operation."));
    }

    private static string Number(double value, string format) => value.ToString(format, CultureInfo.InvariantCulture);
}
