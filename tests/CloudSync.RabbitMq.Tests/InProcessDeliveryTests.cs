// The contract on the delivery in this process, and its journal.

using CloudSync.Delivery;
using CloudSync.Log;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace CloudSync.RabbitMq.Tests;

public sealed class InProcessDeliveryTests : DeliveryContract
{
    private protected override void Use(CloudSyncBuilder builder)
    {
    }

    [Fact]
    public async Task A_journal_that_ends_within_a_line_is_read_up_to_there()
    {
        using var folder = new TemporaryDirectory();
        var path = folder.File("delivery.journal");
        await using (var journal = New(path, []))
        {
            journal.Write("R one");
            journal.Write("R two");
            await journal.FlushAsync();
        }

        var whole = new FileInfo(path).Length;
        await File.AppendAllTextAsync(path, "0123456789 R thr", Cancellation);
        var records = new List<string>();
        await using (New(path, records))
            Assert.Equal(["R one", "R two"], records);
        Assert.Equal(whole, new FileInfo(path).Length);
    }

    [Fact]
    public async Task A_second_process_is_told_that_the_folder_is_in_use()
    {
        using var folder = new TemporaryDirectory();
        var path = folder.File("delivery.journal");
        await using var journal = New(path, []);
        var exception = Assert.Throws<DeliveryUnusableException>(() => New(path, []));
        Assert.Contains("CloudSync:Delivery:Folder", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_journal_that_has_grown_is_written_anew_with_what_still_waits()
    {
        using var folder = new TemporaryDirectory();
        var path = folder.File("delivery.journal");
        var filler = "R " + new string('x', 10_000);
        await using (var journal = new DeliveryJournal(path, () => ["W one notes 5 9"], _ => { }, NullLogger.Instance))
        {
            for (var i = 0; i < 150; i++)
            {
                journal.Write(filler);
                await journal.FlushAsync();
            }
        }

        Assert.InRange(new FileInfo(path).Length, 1, 1 << 20);
        var records = new List<string>();
        await using (New(path, records))
            Assert.Contains("W one notes 5 9", records);
    }

    private static DeliveryJournal New(string path, List<string> records) =>
        new(path, () => [], record => records.Add(string.Join(' ', record)), NullLogger.Instance);
}
