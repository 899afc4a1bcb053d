// Runs many cases of many functions beside the reference: our engine and Node work at the same time.

using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using System.Threading.Channels;

namespace CloudSync.Verification;

/// <summary>Verifies functions of the engine against the reference.</summary>
/// <param name="functions">Which.</param>
/// <param name="cases">How many cases of each.</param>
/// <param name="seed">The seed of the run, below <see cref="SeededRandom.Seeds"/>.</param>
public sealed class Verifier(IReadOnlyList<VerifiedFunction> functions, long cases, ulong seed)
{
    private const int BatchSize = 250;

    // What Node has not answered yet; so that neither side waits for the other.
    private const int BatchesUnderWay = 3;

    private readonly Tally[] _tallies = [.. functions.Select(function => new Tally(function))];
    private long _nextBatch;

    /// <summary>How many cases have been compared; may be read while it runs.</summary>
    public long Compared => _tallies.Sum(tally => Interlocked.Read(ref tally.Compared));

    /// <summary>Runs all cases.</summary>
    /// <exception cref="InvalidOperationException">The reference can't be started, or has died.</exception>
    public async Task<VerifyReport> RunAsync(CancellationToken stop)
    {
        var started = Stopwatch.GetTimestamp();
        // One process for us and one for Node: two processors are kept busy by a pair.
        var pairs = Math.Max(1, Environment.ProcessorCount / 2);
        await Task.WhenAll(Enumerable.Range(0, pairs).Select(_ => Task.Run(() => RunPairAsync(stop), stop)));
        return new VerifyReport
        {
            Cases = cases,
            Seed = seed,
            Functions = [.. _tallies.Select(tally => new FunctionReport(tally.Function.Name, tally.Compared, tally.Differed))],
            First = _tallies.Select(tally => tally.First).FirstOrDefault(first => first != null),
            Seconds = Math.Round(Stopwatch.GetElapsedTime(started).TotalSeconds, 1),
        };
    }

    private async Task RunPairAsync(CancellationToken stop)
    {
        using var reference = ReferenceProcess.Start();
        using var linked = CancellationTokenSource.CreateLinkedTokenSource(stop);
        var asked = Channel.CreateBounded<Batch>(BatchesUnderWay);
        var asking = Task.Run(() => AskAsync(reference, asked.Writer, linked.Token), linked.Token);
        try
        {
            await foreach (var batch in asked.Reader.ReadAllAsync(linked.Token))
                Compare(batch, await reference.AnswersAsync(linked.Token));
        }
        catch
        {
            await linked.CancelAsync();
            throw;
        }

        await asking;
    }

    private async Task AskAsync(ReferenceProcess reference, ChannelWriter<Batch> asked, CancellationToken stop)
    {
        try
        {
            while (NextBatch() is { } batch)
            {
                foreach (var number in Enumerable.Range(0, batch.Questions.Capacity))
                {
                    var random = new SeededRandom(SeededRandom.SeedOfCase(seed, batch.Start + number));
                    batch.Questions.Add(batch.Tally.Function.Make(random));
                }

                // First the question, so that Node works while our engine answers.
                await reference.AskAsync(batch.Tally.Function.Name, batch.Questions, stop);
                foreach (var question in batch.Questions)
                    batch.Ours.Add(Answer.To(question));
                await asked.WriteAsync(batch, stop);
            }

            asked.Complete();
        }
        catch (Exception exception)
        {
            asked.Complete(exception);
            throw;
        }
    }

    private Batch? NextBatch()
    {
        var batches = (cases + BatchSize - 1) / BatchSize;
        var number = Interlocked.Increment(ref _nextBatch) - 1;
        if (number >= batches * _tallies.Length)
            return null;
        var start = number % batches * BatchSize;
        return new(_tallies[number / batches], start, (int)Math.Min(BatchSize, cases - start));
    }

    private void Compare(Batch batch, string line)
    {
        using var answers = JsonDocument.Parse(line, VerifyLimits.Reading);
        if (answers.RootElement.GetArrayLength() != batch.Ours.Count)
            throw new InvalidOperationException("The reference hasn't answered each case.");
        var number = 0;
        foreach (var theirs in answers.RootElement.EnumerateArray())
        {
            theirs.TryGetProperty("ok"u8, out var result);
            var ours = batch.Ours[number];
            if (!batch.Tally.Function.Agrees(ours, result))
            {
                batch.Tally.Differs(batch.Start + number, () => new Difference(
                    batch.Tally.Function.Name,
                    SeededRandom.SeedOfCase(seed, batch.Start + number),
                    Encoding.UTF8.GetString(batch.Questions[number].Question.Span),
                    ours.ToString(),
                    Encoding.UTF8.GetString(JsonMarshal.GetRawUtf8Value(theirs))));
            }

            number++;
        }

        Interlocked.Add(ref batch.Tally.Compared, number);
    }

    private sealed class Batch(Tally tally, long start, int size)
    {
        public Tally Tally { get; } = tally;

        public long Start { get; } = start;

        public List<VerifiedCase> Questions { get; } = new(size);

        public List<Answer> Ours { get; } = new(size);
    }

    private sealed class Tally(VerifiedFunction function)
    {
        private readonly Lock _lock = new();
        private long _firstNumber = long.MaxValue;

        public long Compared;

        public VerifiedFunction Function { get; } = function;

        public long Differed { get; private set; }

        public Difference? First { get; private set; }

        public void Differs(long number, Func<Difference> difference)
        {
            lock (_lock)
            {
                Differed++;
                if (number >= _firstNumber)
                    return;
                _firstNumber = number;
                First = difference();
            }
        }
    }
}
