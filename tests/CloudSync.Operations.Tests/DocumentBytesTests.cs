// How many bytes a document has, and that an operation can't make it have more than it may.

using System.Buffers;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using CloudSync.Verification.RichText;
using CsCheck;
using Xunit;

namespace CloudSync.Operations.Tests;

public sealed class DocumentBytesTests
{
    private static readonly JsonSerializerOptions _unescaped = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private static JsonObject Attribute(string name, string value) => new() { [name] = value };

    private static byte[] Snapshot(DocumentState state)
    {
        var output = new ArrayBufferWriter<byte>();
        state.EncodeSnapshot(output);
        return output.WrittenSpan.ToArray();
    }

    // What a snapshot holds, its headers left out.
    private static long Recount(DocumentState state)
    {
        long bytes = 0;
        foreach (var component in Delta.FromState(state).Components)
        {
            bytes += component.Text is { } text ? Encoding.UTF8.GetByteCount(text) : 1;
            bytes += CountBytes(component.Embed) + CountBytes(component.Attributes);
        }

        return bytes;
    }

    private static int CountBytes(JsonObject? json) => json is null ? 0 : Encoding.UTF8.GetByteCount(json.ToJsonString(_unescaped));

    [Fact]
    public void Bytes_are_never_fewer_than_a_snapshot_holds_and_none_are_left_when_all_is_deleted() =>
        RandomDeltaGen.Of().Sample(
            random =>
            {
                var state = DocumentType.RichText.CreateEmpty();
                for (var i = 0; i < 20; i++)
                {
                    var operation = random.Operation(Delta.FromState(state));
                    if (random.Next(2) == 0)
                    {
                        // A fork that goes another way must not be counted here.
                        var fork = state.Fork();
                        fork.Apply(operation.Bytes.Span);
                        fork.Apply(Delta.Build().Insert("x", Attribute("bold", "true")).ToDelta().Bytes.Span);
                    }

                    state.Apply(operation.Bytes.Span);
                    Assert.True(state.Bytes >= Recount(state), $"{state.Bytes} of {Recount(state)} bytes");
                    Assert.True(DocumentType.RichText.DecodeSnapshot(Snapshot(state)).Bytes >= Recount(state));
                }

                if (state.Length > 0)
                    state.Apply(Delta.Build().Delete(state.Length).ToDelta().Bytes.Span);
                Assert.Equal(0, state.Bytes);
            },
            iter: 300);

    [Fact]
    public void Text_attributes_and_embeds_are_counted()
    {
        var state = DocumentType.RichText.CreateEmpty();
        state.Apply(Delta.Build().Insert("é😀").Insert("x", Attribute("a", "b")).ToDelta().Bytes.Span);
        Assert.Equal(6 + 1 + """{"a":"b"}""".Length, state.Bytes);
        state.Apply(Delta.Build().InsertEmbed(Attribute("image", "i")).ToDelta().Bytes.Span);
        Assert.Equal(6 + 1 + """{"a":"b"}""".Length + 1 + """{"image":"i"}""".Length, state.Bytes);
    }

    [Fact]
    public void One_format_over_many_runs_is_refused_before_it_takes_the_memory()
    {
        const int runs = 60_000;
        const long maxBytes = 16 << 20;
        var build = Delta.Build();
        for (var i = 0; i < runs; i++)
            build.Insert("x", Attribute("n", i.ToString()));
        var state = DocumentType.RichText.CreateEmpty();
        state.Apply(build.ToDelta().Bytes.Span, maxBytes);
        var before = Snapshot(state);
        var bytes = state.Bytes;

        var attack = Delta.Build().Retain(runs, Attribute("huge", new string('y', 16_000))).ToDelta();
        var allocated = GC.GetAllocatedBytesForCurrentThread();
        var refused = Assert.Throws<OperationException>(() => state.Apply(attack.Bytes.Span, maxBytes));
        allocated = GC.GetAllocatedBytesForCurrentThread() - allocated;

        Assert.Equal(OperationError.TooLarge, refused.Error);
        Assert.True(allocated < 8 * maxBytes, $"{allocated:N0} bytes were allocated");
        Assert.Equal(bytes, state.Bytes);
        Assert.True(Snapshot(state).AsSpan().SequenceEqual(before));
    }

    [Fact]
    public void The_last_byte_that_is_allowed_fits_and_the_next_does_not()
    {
        foreach (var type in new[] { DocumentType.Text, DocumentType.RichText })
        {
            var state = type.CreateEmpty();
            state.Apply(Delta.FromPlainText(new string('x', 100)).Bytes.Span, 100);
            Assert.Throws<OperationException>(() => state.Apply(Delta.FromPlainText("x").Bytes.Span, 100));
            Assert.Equal(100, state.Bytes);
            // In exchange for as much, it may.
            state.Apply(Delta.Build().Insert("y").Delete(1).ToDelta().Bytes.Span, 100);
            Assert.StartsWith("yx", Delta.FromState(state).ToPlainText());
        }
    }

    [Fact]
    public void What_is_too_large_already_may_shrink()
    {
        var state = DocumentType.RichText.CreateEmpty();
        state.Apply(Delta.FromPlainText(new string('x', 100)).Bytes.Span);
        state.Apply(Delta.Build().Delete(10).ToDelta().Bytes.Span, 50);
        Assert.Equal(90, state.Bytes);
        Assert.Throws<OperationException>(() => state.Apply(Delta.FromPlainText("x").Bytes.Span, 50));
    }

    [Fact]
    public void Random_operations_against_a_limit_one_byte_too_small_are_refused_and_change_nothing()
    {
        var grown = 0;
        RandomDeltaGen.Of().Sample(
            make =>
            {
                var state = DocumentType.RichText.DecodeSnapshot(make.Document(6).Bytes.Span);
                var operation = make.Operation(Delta.FromState(state)).Bytes.ToArray();
                var after = state.Fork();
                after.Apply(operation);
                if (after.Bytes <= state.Bytes)
                    return;

                grown++;
                var (bytes, before) = (state.Bytes, Snapshot(state));
                var exception = Assert.Throws<OperationException>(() => state.Apply(operation, after.Bytes - 1));
                Assert.Equal(OperationError.TooLarge, exception.Error);
                Assert.Equal(bytes, state.Bytes);
                Assert.Equal(before, Snapshot(state));
                // Not at just that limit: what parts of a format take while it is applied may be more than at its end.
                state.Apply(operation);
                Assert.Equal(Snapshot(after), Snapshot(state));
            },
            iter: 2_000,
            threads: 1);
        Assert.True(grown > 500);
    }
}
