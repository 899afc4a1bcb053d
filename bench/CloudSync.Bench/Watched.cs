// Shows how far something has come while one waits for it: one line that changes on a terminal, a line now and then elsewhere.

using Spectre.Console;

namespace CloudSync.Bench;

internal static class Watched
{
    private static readonly TimeSpan s_onTerminal = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan s_elsewhere = TimeSpan.FromSeconds(5);

    /// <summary>A console on the error output: what people watch goes there, what is kept goes to the other.</summary>
    public static IAnsiConsole CreateConsole() => AnsiConsole.Create(new() { Out = new AnsiConsoleOutput(Console.Error) });

    /// <summary>Waits.</summary>
    /// <param name="console">Where it is shown.</param>
    /// <param name="task">What is waited for.</param>
    /// <param name="say">How far it has come; any text.</param>
    public static async Task<T> WaitAsync<T>(IAnsiConsole console, Task<T> task, Func<string> say)
    {
        if (Console.IsErrorRedirected)
        {
            // Whole lines, however long: nobody knows how wide it is there.
            do
                await Console.Error.WriteLineAsync(say());
            while (await Task.WhenAny(task, Task.Delay(s_elsewhere)) != task);
            return await task;
        }

        return await console.Status().StartAsync(Markup.Escape(say()), async status =>
        {
            while (await Task.WhenAny(task, Task.Delay(s_onTerminal)) != task)
                status.Status(Markup.Escape(say()));
            return await task;
        });
    }

    /// <inheritdoc cref="WaitAsync{T}"/>
    public static Task WaitAsync(IAnsiConsole console, Task task, Func<string> say) => WaitAsync(console, AsTask(task), say);

    private static async Task<bool> AsTask(Task task)
    {
        await task;
        return true;
    }
}
