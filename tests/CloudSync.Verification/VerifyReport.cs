// What a run of the verifier has found.

namespace CloudSync.Verification;

/// <summary>The result of a run.</summary>
public sealed class VerifyReport
{
    /// <summary>How many cases of each function there were to be.</summary>
    public required long Cases { get; init; }

    /// <summary>The seed of the run.</summary>
    public required ulong Seed { get; init; }

    /// <summary>Each function.</summary>
    public required IReadOnlyList<FunctionReport> Functions { get; init; }

    /// <summary>The first difference: of the first function that has one, the one with the lowest number.</summary>
    public required Difference? First { get; init; }

    /// <summary>How long it took.</summary>
    public required double Seconds { get; init; }

    /// <summary>In how many cases the engine and the reference differed, all functions together.</summary>
    public long Differed => Functions.Sum(function => function.Differed);
}

/// <summary>The result for one function.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Cases">How many cases ran.</param>
/// <param name="Differed">In how many the engine and the reference differed.</param>
public sealed record FunctionReport(string Name, long Cases, long Differed);

/// <summary>A case in which the engine and the reference differ.</summary>
/// <param name="Function">The function.</param>
/// <param name="Seed">The seed of the case: a run of one case with it repeats it.</param>
/// <param name="Question">The case, as JSON.</param>
/// <param name="Ours">The engine's answer.</param>
/// <param name="Theirs">The reference's answer.</param>
public sealed record Difference(string Function, ulong Seed, string Question, string Ours, string Theirs)
{
    /// <summary>The command that runs this case alone.</summary>
    public string Command => $"./cloudsync verify engine --cases 1 --seed {Seed} --function {Function}";

    /// <summary>For people.</summary>
    public override string ToString() => $"""
        {Function} differs, seed {Seed}:
          case:   {Question}
          ours:   {Ours}
          theirs: {Theirs}
          again:  {Command}
        """;
}
