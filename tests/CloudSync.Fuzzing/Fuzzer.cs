// Runs a target on inputs that it makes by mutating those that did something new, in this process.

using System.Diagnostics;
using System.Security.Cryptography;
using CloudSync.Verification;

namespace CloudSync.Fuzzing;

/// <summary>Fuzzes one target.</summary>
/// <param name="target">The target.</param>
/// <param name="seed">Everything that it tries follows from the seed, as long as the target is the same.</param>
public sealed class Fuzzer(IFuzzTarget target, ulong seed)
{
    private const int MaxLength = 4096;
    private const int MaxCorpus = 2_000;
    private const int MaxFindings = 20;

    // An input has 4 KiB: what takes so long with it, twice, doesn't end in time with a large one.
    private static readonly TimeSpan s_slow = TimeSpan.FromSeconds(2);

    private readonly SeededRandom _random = new(seed);
    private readonly List<byte[]> _corpus = [];
    private readonly HashSet<int> _seen = [];
    private readonly Dictionary<string, FuzzFinding> _findings = [];
    private byte[] _current = [];
    private long _runs;
    private long _runStarted;
    private Action<byte[]>? _beforeRun;

    /// <summary>The target.</summary>
    public IFuzzTarget Target => target;

    /// <summary>How many inputs have been run; may be read while it runs.</summary>
    public long Runs => Interlocked.Read(ref _runs);

    /// <summary>How many inputs did something new, the seeds among them.</summary>
    public int Interesting => _corpus.Count;

    /// <summary>How many different things have happened, as far as the target tells.</summary>
    public int Features => _seen.Count;

    /// <summary>What was found, one for each kind of failure.</summary>
    public IReadOnlyCollection<FuzzFinding> Findings => _findings.Values;

    /// <summary>The input that is being run, and for how long; for a watchdog on another thread.</summary>
    public (byte[] Input, TimeSpan Elapsed) Current =>
        (Volatile.Read(ref _current), Volatile.Read(ref _runStarted) is var started and not 0 ? Stopwatch.GetElapsedTime(started) : default);

    /// <summary>Runs one input: null if all is well.</summary>
    public static FuzzFinding? Replay(IFuzzTarget target, byte[] input)
    {
        ArgumentNullException.ThrowIfNull(target);
        return new Fuzzer(target, 0).Try(input);
    }

    /// <summary>Fuzzes until told to stop, or until so many inputs have been run.</summary>
    /// <param name="stop">Ends it.</param>
    /// <param name="maxRuns">How many inputs, about.</param>
    /// <param name="beforeRun">Is given each input before it is run.</param>
    public void Run(CancellationToken stop, long maxRuns = long.MaxValue, Action<byte[]>? beforeRun = null)
    {
        _beforeRun = beforeRun;
        foreach (var input in target.Seeds)
            Consider(input);
        if (_corpus.Count == 0)
            Consider([]);
        var mutator = new Mutator(_random, target.Dictionary, MaxLength);
        while (!stop.IsCancellationRequested && _runs < maxRuns && _findings.Count < MaxFindings)
        {
            var made = _random.Next(16) == 0 ? target.Make(_random) : null;
            if (made == null || _random.Next(2) == 0)
                made = mutator.Mutate(made ?? _corpus[_random.Next(_corpus.Count)], _corpus);
            Consider(made);
        }
    }

    private void Consider(byte[] input)
    {
        var trace = new FuzzTrace();
        if (Try(input, trace) is { } finding)
        {
            if (!_findings.ContainsKey(finding.Kind))
                _findings[finding.Kind] = Minimise(finding);
            return;
        }

        var isNew = false;
        foreach (var feature in trace.Features)
            isNew |= _seen.Add(feature);
        if (!isNew && _corpus.Count > 0)
            return;
        if (_corpus.Count < MaxCorpus)
            _corpus.Add(input);
        else
            _corpus[_random.Next(_corpus.Count)] = input;
    }

    private FuzzFinding? Try(byte[] input, FuzzTrace? trace = null)
    {
        Volatile.Write(ref _current, input);
        Volatile.Write(ref _runStarted, Stopwatch.GetTimestamp());
        Interlocked.Increment(ref _runs);
        _beforeRun?.Invoke(input);
        trace ??= new();
        var allocated = GC.GetAllocatedBytesForCurrentThread();
        try
        {
            // A copy: what is kept must not be changed by what is tried.
            target.Run([.. input], trace);
        }
#pragma warning disable CA1031 // Whatever comes out of it is what we are looking for.
        catch (Exception exception)
        {
            return new(target.Name, input, FuzzTrace.WithoutDigits(Where(exception)), exception.ToString());
        }
#pragma warning restore CA1031
        finally
        {
            allocated = GC.GetAllocatedBytesForCurrentThread() - allocated;
        }

        if (allocated > target.MaxAllocation(input.Length))
            return new(target.Name, input, "memory", $"{allocated:N0} bytes were allocated for {input.Length:N0} bytes of input.");
        var elapsed = Stopwatch.GetElapsedTime(_runStarted);
        return elapsed > s_slow && IsSlowAgain(input)
            ? new(target.Name, input, "time", $"{elapsed.TotalSeconds:F1} s were taken for {input.Length:N0} bytes of input.")
            : null;
    }

    // The machine may have been busy.
    private bool IsSlowAgain(byte[] input)
    {
        var started = Stopwatch.GetTimestamp();
        target.Run([.. input], new());
        return Stopwatch.GetElapsedTime(started) > s_slow;
    }

    // Takes away as much as can be taken away with the same failure left.
    private FuzzFinding Minimise(FuzzFinding finding)
    {
        var deadline = Stopwatch.GetTimestamp() + 5 * Stopwatch.Frequency;
        for (var size = Math.Max(1, finding.Input.Length / 2); size > 0; size /= 2)
        {
            for (var at = 0; at < finding.Input.Length && Stopwatch.GetTimestamp() < deadline;)
            {
                byte[] shorter = [.. finding.Input[..at], .. finding.Input[Math.Min(at + size, finding.Input.Length)..]];
                if (Try(shorter) is { } same && same.Kind == finding.Kind)
                    finding = same;
                else
                    at += size;
            }
        }

        return finding;
    }

    private static string Where(Exception exception)
    {
        var frame = new StackTrace(exception).GetFrames()
            .Select(frame => frame.GetMethod()).FirstOrDefault(method => method?.DeclaringType?.Namespace?.StartsWith("CloudSync", StringComparison.Ordinal) == true);
        return exception is FuzzFailureException
            ? $"{exception.Message.Split(':')[0]}"
            : $"{exception.GetType().Name} in {frame?.DeclaringType?.Name}.{frame?.Name}";
    }
}

/// <summary>An input that shows a bug.</summary>
/// <param name="Target">The target's name.</param>
/// <param name="Input">The input.</param>
/// <param name="Kind">What tells it from other bugs.</param>
/// <param name="Details">The exception.</param>
public sealed record FuzzFinding(string Target, byte[] Input, string Kind, string Details)
{
    /// <summary>A name for its file.</summary>
    public string FileName => $"{Convert.ToHexStringLower(SHA256.HashData(Input))[..16]}.bin";

    /// <summary>Keeps the input in the target's folder of the corpus.</summary>
    /// <returns>The path of the file.</returns>
    public string Save(string folder)
    {
        Directory.CreateDirectory(folder);
        var path = Path.Combine(folder, FileName);
        File.WriteAllBytes(path, Input);
        return path;
    }
}
