// Whole clients against a server that is true to the protocol, on connections that are slow and break at random.

using CloudSync.Operations;
using CloudSync.Operations.Tests;
using CloudSync.Verification.RichText;
using CsCheck;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace CloudSync.Client.Tests;

public sealed class ConvergenceTests
{
    private const string Id = "doc";

    [Theory, InlineData(false, false), InlineData(true, false), InlineData(false, true), InlineData(true, true)]
    public void Clients_converge_and_every_edit_is_committed_once_whatever_breaks(bool plain, bool composeRuns) =>
        RandomDeltaGen.Of(plain).Sample(make => Run(make, plain, composeRuns), iter: 150, threads: 1);

    private static void Run(RandomDeltas make, bool plain, bool composeRuns)
    {
        var clock = new FakeTimeProvider();
        var type = plain ? DocumentType.Text : DocumentType.RichText;
        var server = new FakeServer { ComposeRuns = composeRuns };
        var document = server.Documents[Id] = new(type, make.Document(6));
        var mirrors = new List<Mirror>();
        for (var i = 1; i <= 3; i++)
        {
            var client = server.Client(new() { ClientId = (ulong)i, Clock = clock, Random = new(make.Next(1 << 30)) });
            mirrors.Add(new(client.Open(Id)));
        }

        for (var step = 0; step < 150; step++)
        {
            var transport = server.Connections[make.Next(server.Connections.Count)];
            switch (make.Next(12))
            {
                case 0 or 1 or 2:
                    mirrors[make.Next(mirrors.Count)].Edit(make);
                    break;
                case 3 when make.Next(4) == 0 && transport is { Broken: false }:
                    transport.Break();
                    break;
                case 4:
                    clock.Advance(TimeSpan.FromMilliseconds(make.Next(2000)));
                    break;
                case 5:
                    transport.Accept();
                    break;
                case 6 or 7 or 8:
                    transport.ServerReads();
                    break;
                default:
                    transport.ClientReads();
                    break;
            }
        }

        // Whoever is offline comes back within the longest wait.
        for (var i = 0; i < 3; i++)
        {
            server.Run();
            clock.Advance(TimeSpan.FromSeconds(30));
        }

        server.Run();
        Assert.Equal(document.Log.Count, document.Log.Select(made => (made.ClientId, made.ClientSeq)).Distinct().Count());
        foreach (var mirror in mirrors)
        {
            Assert.Equal(document.Content, mirror.Document.Content);
            Assert.Equal(document.Content, mirror.Content);
            Assert.Equal(document.Head, mirror.Document.Version);
            Assert.Equal(new SyncState(SyncStateKind.Live), mirror.Document.State);
            Assert.Empty(mirror.Refused);
            if (!composeRuns)
                Assert.Equal(0, mirror.Document.Divergences);
        }
    }

    // What an editor does: shows the content when the document is ready, then applies each change that it hears of.
    private sealed class Mirror
    {
        public Mirror(CollaborativeDocument document)
        {
            Document = document;
            document.Changed += change =>
            {
                Content = (Content ?? throw new InvalidOperationException("Changed before ready.")).Compose(change.Delta);
            };
            document.StateChanged += _ =>
            {
                if (document.Ready.IsCompleted)
                    Content ??= document.Content;
            };
            document.Refused += Refused.Add;
        }

        public CollaborativeDocument Document { get; }

        public Delta? Content { get; private set; }

        public List<RefusedEdit> Refused { get; } = [];

        public void Edit(RandomDeltas make)
        {
            if (!Document.Ready.IsCompleted)
                return;
            Content ??= Document.Content;
            Document.Edit(content => make.Operation(content));
        }
    }
}
