// The command line: what it takes, and how a start that fails is told in one line.

using System.CommandLine;
using System.Net;
using System.Net.Sockets;
using CloudSync.Log;
using CloudSync.Server.Admin;
using Microsoft.Extensions.Options;

namespace CloudSync.Server;

internal static class CommandLine
{
    public const int Failed = 1;
    public const int WrongUsage = 2;
    public const int LogUnusable = 3;
    public const int CannotListen = 4;
    public const int NoDataDirectory = 5;

    public static async Task<int> RunAsync(string[] args)
    {
        var port = new Option<int>("--port")
        {
            Description = "The port to listen on; 0 for any that is free.",
            DefaultValueFactory = static _ => 5080,
        };
        port.Validators.Add(static result =>
        {
            if (result.Tokens.Count == 1 && int.TryParse(result.Tokens[0].Value, out var number)
                && number is < 0 or > IPEndPoint.MaxPort)
                result.AddError($"--port is from 0 to {IPEndPoint.MaxPort}.");
        });
        var host = new Option<string>("--host")
        {
            Description = "The address to listen on: localhost, an IP address, or * for all of them.",
            DefaultValueFactory = static _ => "localhost",
        };
        host.Validators.Add(static result =>
        {
            if (result.Tokens.Count == 1 && !ListenAddress.TryParse(result.Tokens[0].Value, out _))
                result.AddError($"--host is localhost, an IP address, or *; not '{result.Tokens[0].Value}'.");
        });
        var data = new Option<DirectoryInfo>("--data")
        {
            Description = "Where the documents are kept.",
            DefaultValueFactory = static _ => new DirectoryInfo("data"),
        };
        var web = new Option<DirectoryInfo>("--web")
        {
            Description = "The built web app.",
            DefaultValueFactory = static _ => new DirectoryInfo(Path.Combine(AppContext.BaseDirectory, "wwwroot")),
        };
        var command = new RootCommand("CloudSync: documents that many people edit at once.") { port, host, data, web };
        command.Add(AuditCommand.Create());
        foreach (var copying in CopyCommands.Create())
            command.Add(copying);

        command.SetAction((result, stop) => RunAsync(
            new ServerSettings(
                result.GetRequiredValue(port), result.GetRequiredValue(host), result.GetRequiredValue(data),
                result.GetRequiredValue(web)),
            stop));
        var parsed = command.Parse(args);
        if (parsed.Errors.Count > 0)
        {
            Console.Error.WriteLine($"cloudsync: {parsed.Errors[0].Message}");
            return WrongUsage;
        }

        // The host handles the signals: it drains before it stops.
        return await parsed
            .InvokeAsync(new InvocationConfiguration { ProcessTerminationTimeout = null }).ConfigureAwait(false);
    }

    private static async Task<int> RunAsync(ServerSettings settings, CancellationToken stop)
    {
        try
        {
            var app = ServerApplication.Build(settings);
            await using (app.ConfigureAwait(false))
            {
                await app.StartAsync(stop).ConfigureAwait(false);
                ServerApplication.ReportStarted(app);
                Console.WriteLine($"CloudSync is running at {ServerApplication.AddressOf(app)}");
                await app.WaitForShutdownAsync(stop).ConfigureAwait(false);
            }

            return 0;
        }
        catch (Exception exception) when (Explain(exception, settings) is { } failure)
        {
            return Fail(failure.ExitCode, failure.Message);
        }
    }

    public static int Fail(int exitCode, string message)
    {
        Console.Error.WriteLine($"cloudsync: {message.ReplaceLineEndings(" ")}");
        return exitCode;
    }

    // What an operator can do something about, in one line; null for what only a developer can.
    private static (int ExitCode, string Message)? Explain(Exception exception, ServerSettings settings)
    {
        for (var cause = exception; cause is not null; cause = cause.InnerException)
        {
            switch (cause)
            {
                case DataDirectoryException:
                    return (NoDataDirectory, cause.Message);
                case LogUnusableException or LogUnavailableException:
                    return (LogUnusable, cause.Message);
                case OptionsValidationException invalid:
                    return (WrongUsage, string.Join(" ", invalid.Failures));
                case SocketException { SocketErrorCode: SocketError.AddressAlreadyInUse }:
                    return (CannotListen, $"port {settings.Port} is in use. Give another one with --port.");
                case SocketException socket:
                    return (CannotListen, $"can't listen on {settings.Host}:{settings.Port}: {socket.Message}");
                case InvalidOperationException { Source: "Microsoft.Extensions.Configuration.Binder" }:
                    return (WrongUsage, cause.Message);
            }
        }

        return null;
    }
}
