// One client's typing in one document, a few edits ahead of what the server has acknowledged. Knows by name what was
// acknowledged.

using System.Text.Json.Nodes;
using CloudSync.Client;
using CloudSync.Operations;

namespace CloudSync.EndToEnd.Tests;

/// <summary>What a typist does to its document.</summary>
internal enum Habit
{
    /// <summary>Inserts characters, each once in the whole document.</summary>
    UniqueCharacters,

    /// <summary>Inserts and deletes plain text.</summary>
    Text,

    /// <summary>Inserts, deletes and formats.</summary>
    RichText,
}

internal sealed class Typist
{
    private const int AheadMax = 5;

    // Ideographs: one UTF-16 code unit each, so that no position is inside of one. A share for each typist.
    private const int FirstCharacter = 0x4E00;
    private const int CharactersEach = 4_000;

    private readonly CollaborativeDocument document;
    private readonly Habit habit;
    private readonly Random random;
    private readonly AcknowledgementCounter counter;
    private readonly int firstCharacter;
    private readonly Queue<(ulong Sequence, Task Saved)> unsaved = new();
    private ulong newest;

    public Typist(
        CloudSyncClient client, CollaborativeDocument document, Habit habit, int number, Random random,
        AcknowledgementCounter counter)
    {
        this.document = document;
        this.habit = habit;
        this.random = random;
        this.counter = counter;
        firstCharacter = FirstCharacter + (number * CharactersEach);
        ClientId = client.ClientId;
        document.Changed += change =>
        {
            if (change.Source == ChangeSource.Local)
                newest = change.Sequence;
        };
        document.Refused += edit => RefusedEdits++;
    }

    public string DocumentId => document.Id;

    public ulong ClientId { get; }

    /// <summary>Everything up to this number was acknowledged.</summary>
    public ulong Acknowledged { get; private set; }

    /// <summary>The characters it has typed, with <see cref="Habit.UniqueCharacters"/>.</summary>
    public List<char> Typed { get; } = [];

    public int RefusedEdits { get; private set; }

    /// <summary>Types until it is told to stop; ends when everything was acknowledged.</summary>
    public async Task TypeAsync(CancellationToken stop, CancellationToken cancellation)
    {
        while (!stop.IsCancellationRequested)
        {
            document.Edit(NextEdit);
            unsaved.Enqueue((newest, document.WhenSavedAsync()));
            await AwaitAsync(random.Next(AheadMax + 1), cancellation);
        }

        await AwaitAsync(0, cancellation);
    }

    private async Task AwaitAsync(int ahead, CancellationToken cancellation)
    {
        while (unsaved.Count > ahead)
        {
            var (sequence, saved) = unsaved.Dequeue();
            await saved.WaitAsync(cancellation);
            if (sequence <= Acknowledged)
                continue;
            counter.Add((long)(sequence - Acknowledged));
            Acknowledged = sequence;
        }
    }

    private Delta NextEdit()
    {
        var length = document.Length;
        var position = random.Next(length + 1);
        var choice = habit == Habit.UniqueCharacters ? 0 : random.Next(10);
        if (choice < 6 || position == length)
            return Build(position).Insert(NextText(), NextAttributes()).ToDelta();
        var covered = Math.Min(length - position, random.Next(1, 6));
        return habit == Habit.RichText && choice < 8
            ? Build(position).Retain(covered, new JsonObject { ["italic"] = random.Next(2) == 0 ? true : null }).ToDelta()
            : Build(position).Delete(covered).ToDelta();
    }

    private static DeltaBuilder Build(int position) =>
        position == 0 ? Delta.Build() : Delta.Build().Retain(position);

    private string NextText()
    {
        if (habit != Habit.UniqueCharacters)
            return new string((char)random.Next('a', 'z' + 1), random.Next(1, 5));
        if (Typed.Count == CharactersEach)
            throw new InvalidOperationException("No character is left that was not typed yet.");
        Typed.Add((char)(firstCharacter + Typed.Count));
        return $"{Typed[^1]}";
    }

    private JsonObject? NextAttributes() =>
        habit == Habit.RichText && random.Next(4) == 0 ? new JsonObject { ["bold"] = true } : null;
}
