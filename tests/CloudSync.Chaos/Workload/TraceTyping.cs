// Clients type a recorded session in turn: the document must end as the session did. A turn begins when the one before it is
// saved, and has arrived.

using CloudSync.Bench.Replay;
using CloudSync.Chaos.History;
using CloudSync.Client;
using CloudSync.Operations;

namespace CloudSync.Chaos.Workload;

/// <summary>A recorded session and its file's name.</summary>
internal sealed record NamedTrace(string Name, Trace Trace);

/// <param name="named">What is typed.</param>
/// <param name="pause">Between two patches.</param>
/// <param name="history">What happens is recorded there.</param>
/// <param name="open">Opens a document under a name.</param>
internal sealed class TraceTyping(
    NamedTrace named, TimeSpan pause, HistoryWriter history, Func<string, string, CancellationToken, Task<Session>> open)
{
    private const int Typists = 3;
    private const int PatchesPerTurn = 20;

    private readonly List<Session> _typists = [];
    private DocumentState _expected = DocumentType.Text.CreateEmpty();
    private string _document = "";

    public string Name => named.Name;

    /// <summary>Patches that were typed.</summary>
    public int Typed { get; private set; }

    /// <summary>Patches that there are.</summary>
    public int Patches => named.Trace.Patches;

    public async Task RunAsync(string document, CancellationToken stop)
    {
        _document = document;
        try
        {
            for (var i = 1; i <= Typists; i++)
                _typists.Add(await open($"typist-{i}-{named.Name}", document, stop));
            if (named.Trace.StartContent.Length > 0)
                await TypeAsync(_typists[0], new Patch(0, 0, named.Trace.StartContent));
            var (turn, left) = (0, PatchesPerTurn);
            foreach (var patch in named.Trace.Transactions.SelectMany(static transaction => transaction.Patches))
            {
                stop.ThrowIfCancellationRequested();
                if (left-- == 0)
                {
                    (turn, left) = (turn + 1, PatchesPerTurn);
                    await WhenArrivedAsync(_typists[turn % Typists], _typists[(turn - 1) % Typists].Document.Version, stop);
                }

                // Not given up half way: what was typed is expected.
                await TypeAsync(_typists[turn % Typists], patch);
                Typed++;
                await Task.Delay(pause, stop);
            }
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // As far as it got.
        }
        catch (RefusedException)
        {
            // It stands in the history.
        }
    }

    /// <summary>Records what the document must hold.</summary>
    public void RecordExpected()
    {
        if (_document.Length > 0)
            history.Add(new HistoryEvent { Kind = EventKind.Expected, Document = _document, Hash = ContentHash.Of(_expected) });
    }

    private Task TypeAsync(Session typist, Patch patch)
    {
        var delta = Delta.Build().Retain(patch.Position).Delete(patch.Deleted).Insert(patch.Inserted).ToDelta();
        if (delta.Bytes.IsEmpty)
            return Task.CompletedTask;
        var saved = typist.Edit(
            (document, _) =>
            {
                document.Submit(delta);
                return new EditMade("", [], 0);
            },
            isOnline: false).Saved;
        _expected.Apply(delta.Bytes.Span);
        return saved;
    }

    private static async Task WhenArrivedAsync(Session typist, long version, CancellationToken stop)
    {
        var arrived = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        void Look(DocumentChange _) => LookNow();
        void LookNow()
        {
            if (typist.Document.Version >= version)
                arrived.TrySetResult();
        }

        typist.Document.Changed += Look;
        try
        {
            LookNow();
            await arrived.Task.WaitAsync(stop);
        }
        finally
        {
            typist.Document.Changed -= Look;
        }
    }
}
