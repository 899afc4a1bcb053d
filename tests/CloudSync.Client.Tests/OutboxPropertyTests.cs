// A client that crashes at random moments, on connections that break: what was saved is committed exactly once.

using CloudSync.Operations;
using CloudSync.Verification;
using CsCheck;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace CloudSync.Client.Tests;

public sealed class OutboxPropertyTests
{
    private const string Id = "doc";

    // Each edit inserts a character of its own from here on.
    private const char First = '\u4E00';

    [Fact]
    public void Whatever_crashes_and_breaks_every_edit_that_was_saved_is_committed_exactly_once_and_no_other_twice() =>
        Gen.ULong[0, SeededRandom.Seeds - 1].Sample(
            static seed => new Story(new SeededRandom(seed)).Run(), iter: 300, threads: 1);

    private sealed class Story(Random random)
    {
        private readonly FakeServer _server = new();
        private readonly Dictionary<string, byte[]> _disk = [];
        private readonly List<(char Text, Task Kept)> _edits = [];
        private readonly HashSet<char> _deleted = [];
        private readonly List<char> _kept = [];
        private FakeTimeProvider _clock = new();
        private MemoryOutbox _outbox = new([]);
        private CloudSyncClient? _client;
        private CollaborativeDocument? _document;
        private int _connections;
        private ulong _others;
        private char _next = First;

        public void Run()
        {
            SynchronizationContext.SetSynchronizationContext(null);
            // Large enough now and then that the content is saved by itself.
            var length = random.Next(2) == 0 ? 10 : 6000;
            var document = _server.Documents[Id] =
                new(DocumentType.Text, Delta.Build().Insert(new string('.', length)).ToDelta());
            Begin();
            for (var step = 0; step < 200; step++)
                Step(document);
            Crash();
            Begin();
            _outbox.AtOnce = true;
            for (var i = 0; i < 3; i++)
            {
                Drain();
                _clock.Advance(TimeSpan.FromSeconds(30));
            }

            Drain();
            Assert.Equal(new SyncState(SyncStateKind.Live), _document!.State);
            Assert.Equal(document.Content, _document.Content);
            Assert.Equal(document.Head, _document.Version);
            Assert.Equal(
                document.Log.Count, document.Log.Select(made => (made.ClientId, made.ClientSeq)).Distinct().Count());
            var text = document.Content.ToPlainText();
            for (var edit = First; edit < _next; edit++)
            {
                var times = text.Count(unit => unit == edit);
                Assert.InRange(times, _kept.Contains(edit) && !_deleted.Contains(edit) ? 1 : 0, 1);
            }
        }

        private void Step(Sequencer document)
        {
            var transport = _server.Connections.Count == 0 ? null : _server.Connections[random.Next(_server.Connections.Count)];
            switch (random.Next(16))
            {
                case 0 or 1 or 2 when _document!.Ready.IsCompletedSuccessfully:
                    Edit();
                    break;
                case 3:
                    var at = random.Next(document.Content.ToPlainText().Length + 1);
                    var text = new string('-', random.Next(10) == 0 ? 9000 : 1);
                    document.Submit(1000, ++_others, document.Head, Delta.Build().Retain(at).Insert(text).ToDelta().Bytes);
                    foreach (var to in _server.Connections.Where(static to => !to.Broken && to.Open.Contains(Id)))
                        to.QueueCommitted(Id, document.Head - 1, document.Log[^1]);
                    break;
                case 4 when random.Next(4) == 0:
                    Crash();
                    Begin();
                    break;
                case 5 when random.Next(3) == 0 && transport is { Broken: false, Crashed: false }:
                    transport.Break();
                    break;
                case 6:
                    _clock.Advance(TimeSpan.FromMilliseconds(random.Next(2000)));
                    break;
                case 7 when random.Next(4) == 0:
                    _outbox.Complete(new IOException("The disk is full."));
                    break;
                case 8 or 9:
                    _outbox.Complete();
                    break;
                case 10 when random.Next(8) == 0:
                    _document!.Dispose();
                    _document = _client!.Open(Id);
                    break;
                case 11 or 12:
                    transport?.ServerReads();
                    break;
                case 13:
                    transport?.Accept();
                    break;
                default:
                    transport?.ClientReads();
                    break;
            }
        }

        private void Edit()
        {
            var shown = _document!.ToPlainText();
            var own = shown.IndexOfAny([.. Enumerable.Range(First, _next - First).Select(static unit => (char)unit)]);
            if (own >= 0 && random.Next(5) == 0)
            {
                _deleted.Add(shown[own]);
                _document.Submit(Delta.Build().Retain(own).Delete(1).ToDelta());
                return;
            }

            _document.Submit(Delta.Build().Retain(random.Next(shown.Length + 1)).Insert(_next.ToString()).ToDelta());
            _edits.Add((_next++, _document.WhenKeptAsync()));
        }

        private void Begin()
        {
            _connections = _server.Connections.Count;
            _clock = new();
            _outbox = new(_disk) { AtOnce = random.Next(2) == 0 };
            _client = _server.Client(new()
            {
                Clock = _clock, Outbox = _outbox, Random = new SeededRandom((ulong)random.Next()),
                ComposeBytes = random.Next(2) * 1000,
            });
            _document = _client.Open(Id);
        }

        private void Crash()
        {
            _kept.AddRange(_edits.Where(static edit => edit.Kept.IsCompletedSuccessfully).Select(static edit => edit.Text));
            _edits.Clear();
            _outbox.Crash(random.Next(3));
            foreach (var transport in _server.Connections.Skip(_connections))
                transport.Crash();
        }

        private void Drain()
        {
            _server.Run();
            while (_outbox.UnderWay > 0)
            {
                _outbox.Complete();
                _server.Run();
            }
        }
    }
}
