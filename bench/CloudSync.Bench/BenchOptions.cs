// What the commands that put load on a server share.

using System.CommandLine;
using System.ComponentModel;
using CloudSync.Cluster.Parts;

namespace CloudSync.Bench;

internal static class BenchOptions
{
    // As a shell has it for a program that was ended by Ctrl-C.
    private const int Interrupted = 130;

    private const string NoAddress = "--url is an address such as http://localhost:8080.";

    /// <summary>The address of a server.</summary>
    public static Option<Uri?> Url(string description) => new("--url")
    {
        Description = description,
        CustomParser = static result =>
        {
            if (TryParse(result.Tokens[0].Value, out var address))
                return address;
            result.AddError(NoAddress);
            return null;
        },
    };

    /// <summary>Addresses of servers; none unless given.</summary>
    public static Option<Uri[]> Urls(string description) => new("--url")
    {
        Description = description,
        AllowMultipleArgumentsPerToken = true,
        DefaultValueFactory = static _ => [],
        CustomParser = static result =>
        {
            var addresses = new List<Uri>();
            foreach (var token in result.Tokens)
            {
                if (TryParse(token.Value, out var address))
                    addresses.Add(address);
                else
                    result.AddError(NoAddress);
            }

            return [.. addresses];
        },
    };

    /// <summary>Runs a command: what it can't do is one line and exit code 1.</summary>
    public static async Task<int> RunAsync(Func<Task<int>> run, CancellationToken stop)
    {
        try
        {
            return await run();
        }
        catch (Exception exception) when (IsExpected(exception))
        {
            // Whatever breaks off then breaks off because of it.
            if (stop.IsCancellationRequested)
            {
                await Console.Error.WriteLineAsync("cloudsync: stopped.");
                return Interrupted;
            }

            await Console.Error.WriteLineAsync($"cloudsync: {exception.Message.ReplaceLineEndings(" ")}");
            return 1;
        }
    }

    private static bool IsExpected(Exception exception) => exception is InvalidDataException or IOException or InvalidOperationException
        or HttpRequestException or OperationCanceledException or TimeoutException or ServerStartException or Win32Exception
        or System.Net.Sockets.SocketException or UnauthorizedAccessException;

    private static bool TryParse(string text, out Uri address) =>
        Uri.TryCreate(text, UriKind.Absolute, out address!) && address.Scheme is "http";
}
