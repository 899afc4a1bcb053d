// Waits for what nobody tells of: the end of a process that isn't our child, a row in a server's table, a line in a file. What
// can be an event is awaited as one instead.

using System.Diagnostics;
using Xunit;

namespace CloudSync.Tests.Shared;

internal static class Eventually
{
    // An upper bound for a machine that does ten other things; nothing is expected to take long.
    private static readonly TimeSpan _patience = TimeSpan.FromMinutes(2);
    private static readonly TimeSpan _between = TimeSpan.FromMilliseconds(10);

    /// <summary>Looks until a condition holds; fails, saying what is the case instead, if it never does.</summary>
    public static async Task IsAsync(Func<Task<bool>> condition, Func<string> otherwise)
    {
        var waited = Stopwatch.StartNew();
        while (!await condition())
        {
            Assert.True(waited.Elapsed < _patience, otherwise());
            await Task.Delay(_between, TestContext.Current.CancellationToken);
        }
    }

    /// <inheritdoc cref="IsAsync(Func{Task{bool}}, Func{string})"/>
    public static Task IsAsync(Func<bool> condition, string otherwise) =>
        IsAsync(() => Task.FromResult(condition()), () => otherwise);
}
