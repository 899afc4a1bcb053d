// A document of plain text of so many megabytes, written by edits like any other.

using System.Text;
using CloudSync.Bench.Generator;
using CloudSync.Bench.Load;
using CloudSync.Protocol.V1;
using Google.Protobuf;

namespace CloudSync.Bench.Join;

/// <param name="Id">It exists.</param>
/// <param name="Bytes">Of its text.</param>
/// <param name="Version">That it has.</param>
internal sealed record LargeDocument(string Id, int Bytes, long Version)
{
    // Well within what a server takes for one edit, unless it was told otherwise.
    private const int EditBytes = 512 << 10;
    private const int WordsMax = 9;

    /// <exception cref="JoinException">The server doesn't take it: its limits are lower.</exception>
    public static async Task<LargeDocument> CreateAsync(Uri server, int bytes, Action<int> written, CancellationToken stop)
    {
        var id = (await LoadTarget.CreateDocumentsAsync(server, 1, stop))[0];
        using var connection = await JoinConnection.ConnectAsync(server, id, new HttpUpgrade(), new JoinBuffers(), stop);
        await connection.SendAsync(JoinerMessages.Greeting(id), stop);
        var screen = new JoinedScreen(0);
        while (!screen.IsOpen)
            screen.Take((await connection.ReceiveAsync(stop)).Span);
        var random = new Random(1);
        ulong sequence = 0;
        for (var length = 0; length < bytes;)
        {
            var count = Math.Min(EditBytes, bytes - length);
            var version = screen.Version;
            await connection.SendAsync(
                new ClientFrame
                {
                    Messages =
                    {
                        new ClientMessage
                        {
                            Submit = new Submit
                            {
                                DocumentId = id, BaseVersion = (ulong)version, ClientSeq = ++sequence,
                                Operation = Append(length, Words(random, count)),
                            },
                        },
                    },
                },
                stop);
            while (screen.Version == version)
                screen.Take((await connection.ReceiveAsync(stop)).Span);
            length += count;
            written(length);
        }

        await connection.CloseAsync(stop);
        return new LargeDocument(id, bytes, screen.Version);
    }

    // What has been written is retained, and the text inserted behind it.
    private static ByteString Append(int length, byte[] text)
    {
        using var operation = new MemoryStream(text.Length + 16);
        using (var output = new CodedOutputStream(operation, leaveOpen: true))
        {
            if (length > 0)
                output.WriteUInt64((ulong)length << 3);
            output.WriteUInt64(((ulong)text.Length << 3) | 2);
        }

        operation.Write(text);
        return UnsafeByteOperations.UnsafeWrap(operation.ToArray());
    }

    private static byte[] Words(Random random, int length)
    {
        var text = new StringBuilder(length + WordsMax + 1);
        while (text.Length < length)
        {
            for (var letters = random.Next(1, WordsMax); letters > 0; letters--)
                text.Append((char)random.Next('a', 'z' + 1));
            text.Append(' ');
        }

        return Encoding.ASCII.GetBytes(text.ToString(0, length));
    }
}

/// <summary>What somebody who joins says.</summary>
internal static class JoinerMessages
{
    /// <summary>Hello, and open this.</summary>
    public static ClientFrame Greeting(string documentId) => new()
    {
        Messages =
        {
            new ClientMessage
            {
                Hello = new Hello
                {
                    ProtocolVersion = 1, ClientId = (ulong)Random.Shared.NextInt64(1, long.MaxValue), Agent = "cloudsync-bench",
                    User = new User(),
                },
            },
            new ClientMessage { Open = new Open { DocumentId = documentId } },
        },
    };
}
