// connections --count N: what an idle connection costs the server. Opens N WebSockets from this process to a server in
// another, and divides by N what the server's own memory has grown by: first with nothing but a Hello, then with a
// document open on each.

using System.CommandLine;
using System.Globalization;
using System.Net.WebSockets;
using System.Text.Json;
using CloudSync.Bench.Replay;
using CloudSync.Protocol.V1;
using Google.Protobuf;
using Spectre.Console;

namespace CloudSync.Bench.Connections;

internal static class ConnectionsCommand
{
    // A thousand are opened and closed before anything is measured: code is compiled, pools are filled.
    private const int WarmUp = 1_000;
    private const int AtOnce = 32;

    public static Command Create()
    {
        var count = new Option<int>("--count")
        {
            Description = "How many connections; a process may open 18,000 or so.",
            DefaultValueFactory = static _ => 5_000,
        };
        count.Validators.Add(static result =>
        {
            if (result.Tokens is [{ Value: var value }] && int.TryParse(value, out var number) && number is < 1 or > 18_000)
                result.AddError("--count is from 1 to 18000.");
        });
        var documents = new Option<int>("--documents")
        {
            Description = "Over how many documents the connections are spread.",
            DefaultValueFactory = static _ => 100,
        };
        documents.Validators.Add(static result =>
        {
            if (result.Tokens is [{ Value: var value }] && int.TryParse(value, out var number) && number is < 1 or > 18_000)
                result.AddError("--documents is from 1 to 18000.");
        });
        var json = new Option<bool>("--json") { Description = "The last line of the output is one JSON object." };
        var command = new Command("connections", "Measures the memory of an idle connection.") { count, documents, json };
        command.SetAction((parsed, stop) => RunAsync(
            parsed.GetValue(count), parsed.GetValue(documents), parsed.GetValue(json), stop));
        return command;
    }

    private static async Task<int> RunAsync(int count, int documents, bool json, CancellationToken stop)
    {
        // What people watch goes to stderr, what is kept to stdout.
        var console = AnsiConsole.Create(new() { Out = new AnsiConsoleOutput(Console.Error) });
        await using var server = await ServerProcess.StartAsync(stop);
        using var api = new RestApi(server.Address);
        var ids = new string[documents];
        for (var i = 0; i < documents; i++)
            ids[i] = await api.CreateAsync($"Document {i + 1}", stop);

        console.MarkupLine("Warming up …");
        await CloseAllAsync(await OpenAsync(server.Address, Math.Min(WarmUp, count), index => ids[index % documents], stop));
        var before = await SettleAsync(server.ProcessId, stop);
        console.MarkupLineInterpolated($"Opening {count:N0} connections …");
        var idle = await OpenAsync(server.Address, count, _ => null, stop);
        var withIdle = await SettleAsync(server.ProcessId, stop);
        await CloseAllAsync(idle);
        var between = await SettleAsync(server.ProcessId, stop);
        console.MarkupLineInterpolated($"Opening {count:N0} connections with a document each …");
        var open = await OpenAsync(server.Address, count, index => ids[index % documents], stop);
        var withOpen = await SettleAsync(server.ProcessId, stop);
        await CloseAllAsync(open);

        // The first figure is the growth from a warm start. The second phase starts from what the first has left, which is
        // reused: it is measured from the same start.
        var perIdle = (withIdle - before) / (double)count;
        var perOpen = (withOpen - before) / (double)count;
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{count:N0} idle connections: {perIdle / 1024:F1} KiB each; with a document open on each ({documents:N0} documents): {perOpen / 1024:F1} KiB each"));
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"private memory of the server: {Mib(before):F0} MiB before, {Mib(withIdle):F0} with connections, {Mib(between):F0} after they closed, {Mib(withOpen):F0} with documents"));
        if (json)
        {
            Console.WriteLine(JsonSerializer.Serialize(new
            {
                connections = count,
                documents,
                bytes_per_connection = Math.Round(perIdle),
                bytes_per_connection_with_document = Math.Round(perOpen),
                server_bytes_before = before,
                server_bytes_with_connections = withIdle,
                server_bytes_after_close = between,
                server_bytes_with_documents = withOpen,
            }));
        }

        return 0;
    }

    private static double Mib(long bytes) => bytes / 1048576.0;

    private static async Task<ClientWebSocket[]> OpenAsync(
        Uri server, int count, Func<int, string?> documentOf, CancellationToken stop)
    {
        var sync = new UriBuilder(server) { Scheme = "ws", Path = "/sync" }.Uri;
        var sockets = new ClientWebSocket[count];
        await Parallel.ForEachAsync(
            Enumerable.Range(0, count),
            new ParallelOptions { MaxDegreeOfParallelism = AtOnce, CancellationToken = stop },
            async (index, stop) => sockets[index] = await OpenAsync(sync, (ulong)index + 1, documentOf(index), stop));
        return sockets;
    }

    private static async Task<ClientWebSocket> OpenAsync(Uri sync, ulong clientId, string? documentId, CancellationToken stop)
    {
        var socket = new ClientWebSocket();
        socket.Options.KeepAliveInterval = TimeSpan.Zero;
        await socket.ConnectAsync(sync, stop);
        var frame = new ClientFrame
        {
            Messages =
            {
                new ClientMessage
                {
                    Hello = new Hello { ProtocolVersion = 1, ClientId = clientId, Agent = "cloudsync-bench", User = new User() },
                },
            },
        };
        if (documentId is not null)
            frame.Messages.Add(new ClientMessage { Open = new Open { DocumentId = documentId } });
        await socket.SendAsync(frame.ToByteArray(), WebSocketMessageType.Binary, true, stop);
        var answers = 0;
        var buffer = new byte[16 * 1024];
        while (answers < frame.Messages.Count)
        {
            var received = 0;
            ValueWebSocketReceiveResult part;
            do
            {
                part = await socket.ReceiveAsync(buffer.AsMemory(received), stop);
                received += part.Count;
            }
            while (!part.EndOfMessage);
            if (part.MessageType == WebSocketMessageType.Close)
                throw new InvalidOperationException($"The server closed: {socket.CloseStatus} {socket.CloseStatusDescription}");
            foreach (var message in ServerFrame.Parser.ParseFrom(buffer, 0, received).Messages)
            {
                if (message.Error is { } error)
                    throw new InvalidOperationException($"The server refused: {error.Code} {error.Message}");
                if (message.BodyCase is ServerMessage.BodyOneofCase.Welcome or ServerMessage.BodyOneofCase.Opened)
                    answers++;
            }
        }

        return socket;
    }

    private static Task CloseAllAsync(ClientWebSocket[] sockets) => Parallel.ForEachAsync(
        sockets,
        async (socket, stop) =>
        {
            await socket.CloseAsync(WebSocketCloseStatus.NormalClosure, "", stop);
            socket.Dispose();
        });

    // The server's private memory when it has stopped changing: within 1 % for two seconds.
    private static async Task<long> SettleAsync(int processId, CancellationToken stop)
    {
        var last = ReadPrivateBytes(processId);
        for (int calm = 0, polls = 0; calm < 4 && polls < 60; polls++)
        {
            await Task.Delay(500, stop);
            var now = ReadPrivateBytes(processId);
            calm = Math.Abs(now - last) < last / 100 ? calm + 1 : 0;
            last = now;
        }

        return last;
    }

    // Anonymous resident memory, as Linux counts it: heap, stacks and buffers, without mapped files.
    private static long ReadPrivateBytes(int processId)
    {
        var line = File.ReadLines($"/proc/{processId}/status").First(line => line.StartsWith("RssAnon:", StringComparison.Ordinal));
        return long.Parse(line.AsSpan("RssAnon:".Length, line.Length - "RssAnon:".Length - " kB".Length), CultureInfo.InvariantCulture) * 1024;
    }
}
