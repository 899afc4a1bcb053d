// JSON documents: operations, snapshots, and a document with two operations, all as the server takes them.

using System.Text;
using CloudSync.Operations;
using CloudSync.Verification;
using CloudSync.Verification.Json;

namespace CloudSync.Fuzzing.Targets;

internal sealed class JsonOperationTarget : IFuzzTarget
{
    private static readonly DocumentType s_type = DocumentType.Json;

    private static readonly byte[][] s_documents =
        [.. JsonTexts.Documents.Select(text => Oracles.Snapshot(s_type.DecodeSnapshot(Encoding.UTF8.GetBytes(text))))];

    private static readonly byte[][] s_operations = [.. JsonTexts.Operations.Select(Encoding.UTF8.GetBytes)];

    public string Name => "json-operation";

    public IEnumerable<byte[]> Seeds => s_operations.Concat(Enumerable.Range(0, 60).Select(i => Make(new SeededRandom((ulong)i))));

    public IReadOnlyList<byte[]> Dictionary => JsonTexts.Dictionary;

    public byte[] Make(SeededRandom random)
    {
        var make = new RandomJson(random);
        return RandomJson.Bytes(make.AnyOperation(make.Document()));
    }

    public void Run(byte[] input, FuzzTrace trace)
    {
        var isOperation = Oracles.Accepts(trace, "measure", () => s_type.Measure(input));
        foreach (var document in isOperation ? s_documents : s_documents[^1..])
            Apply(document, input, isOperation, trace);
        foreach (var side in new[] { Side.Left, Side.Right })
        {
            foreach (var known in isOperation ? s_operations : s_operations[..1])
            {
                Merge(input, known, side, trace);
                Merge(known, input, side, trace);
            }

            Merge(input, input, side, trace);
        }
    }

    private static void Apply(byte[] document, byte[] input, bool isOperation, FuzzTrace trace)
    {
        var state = s_type.DecodeSnapshot(document);
        Oracles.Write(trace, "invert", output => state.Invert(input, output));
        Oracles.Holds(Oracles.Snapshot(state).AsSpan().SequenceEqual(document), "inverting has changed the document");
        var fork = state.Fork();
        if (!Oracles.Accepts(trace, "apply", () => state.Apply(input)))
        {
            Oracles.Holds(Oracles.Snapshot(state).AsSpan().SequenceEqual(document), "a refused operation has changed the document");
            return;
        }

        Oracles.Holds(isOperation, "what is no operation was applied");
        Oracles.Holds(Oracles.Snapshot(fork).AsSpan().SequenceEqual(document), "a fork has changed with the document");
        JsonTexts.CheckStable(state);
        var bytes = state.Bytes;
        if (bytes <= fork.Bytes)
            return;
        Oracles.Holds(
            !Oracles.Accepts(trace, "apply with too little room", () => fork.Apply(input, bytes - 1)),
            "a document has grown beyond its limit");
        Oracles.Holds(Oracles.Snapshot(fork).AsSpan().SequenceEqual(document), "a refusal for its size has changed the document");
    }

    private static void Merge(byte[] first, byte[] second, Side side, FuzzTrace trace)
    {
        var transformed = Oracles.Write(trace, "transform", output => s_type.Transform(first, second, side, output));
        var composed = Oracles.Write(trace, "compose", output => s_type.Compose(first, second, output));
        foreach (var result in new[] { transformed, composed })
        {
            if (result != null)
                Oracles.Accepts(trace, "measure a result", () => s_type.Measure(result));
        }
    }
}

internal sealed class JsonSnapshotTarget : IFuzzTarget
{
    public string Name => "json-snapshot";

    public IEnumerable<byte[]> Seeds => JsonTexts.Documents.Select(Encoding.UTF8.GetBytes)
        .Concat(Enumerable.Range(0, 40).Select(i => Make(new SeededRandom((ulong)i))));

    public IReadOnlyList<byte[]> Dictionary => JsonTexts.Dictionary;

    public byte[] Make(SeededRandom random) => RandomJson.Bytes(new RandomJson(random).Document());

    public void Run(byte[] input, FuzzTrace trace)
    {
        DocumentState? state = null;
        if (!Oracles.Accepts(trace, "decode", () => state = DocumentType.Json.DecodeSnapshot(input)))
            return;
        JsonTexts.CheckStable(state!);
        trace.Add("bytes", state!.Bytes);
    }
}

internal sealed class JsonMergeTarget : IFuzzTarget
{
    private static readonly DocumentType s_type = DocumentType.Json;

    public string Name => "json-merge";

    public IEnumerable<byte[]> Seeds => Enumerable.Range(0, 100).Select(i => Make(new SeededRandom((ulong)i)));

    public IReadOnlyList<byte[]> Dictionary => JsonTexts.Dictionary;

    // A line each: the document, and two operations on it.
    public byte[] Make(SeededRandom random)
    {
        var make = new RandomJson(random);
        var document = make.Document();
        return [
            .. RandomJson.Bytes(document), (byte)'\n', .. RandomJson.Bytes(make.HonestOperation(document)), (byte)'\n',
            .. RandomJson.Bytes(make.HonestOperation(document))];
    }

    public void Run(byte[] input, FuzzTrace trace)
    {
        var parts = Split(input);
        DocumentState? start = null;
        if (!Oracles.Accepts(trace, "document", () => start = s_type.DecodeSnapshot(parts[0])))
            return;
        var document = Oracles.Snapshot(start!);
        var afterFirst = Applied(start!, parts[1], "first", trace);
        var afterSecond = Applied(start!, parts[2], "second", trace);
        Oracles.Holds(Oracles.Snapshot(start!).AsSpan().SequenceEqual(document), "applying to a fork has changed the document");
        if (afterFirst == null || afterSecond == null)
            return;
        foreach (var (state, operation, over, side) in new[]
        {
            (afterFirst, parts[2], parts[1], Side.Right), (afterSecond, parts[1], parts[2], Side.Left),
        })
        {
            if (Oracles.Write(trace, "transform", output => s_type.Transform(operation, over, side, output)) is { } transformed
                && Applied(state, transformed, "after the other", trace) is { } merged)
                JsonTexts.CheckStable(merged);
        }

        if (Oracles.Write(trace, "invert", output => start!.Invert(parts[1], output)) is { } inverse)
            Applied(afterFirst, inverse, "the inverse", trace);
        if (Oracles.Write(trace, "compose", output => s_type.Compose(parts[1], parts[2], output)) is { } composed)
            Applied(start!, composed, "composed", trace);
    }

    private static DocumentState? Applied(DocumentState state, byte[] operation, string what, FuzzTrace trace)
    {
        var applied = state.Fork();
        var before = Oracles.Snapshot(state);
        if (Oracles.Accepts(trace, what, () => applied.Apply(operation)))
            return applied;
        Oracles.Holds(Oracles.Snapshot(applied).AsSpan().SequenceEqual(before), "a refused operation has changed the document");
        return null;
    }

    private static byte[][] Split(byte[] input)
    {
        var first = Array.IndexOf(input, (byte)'\n');
        var second = first < 0 ? -1 : Array.IndexOf(input, (byte)'\n', first + 1);
        return second < 0 ? [input, [], []] : [input[..first], input[(first + 1)..second], input[(second + 1)..]];
    }
}

internal static class JsonTexts
{
    public static string[] Documents { get; } =
    [
        "null", "{}", "[]",
        """{"list":[1,[2,"three"],{"a":null}],"text":"a😀b","n":1.5,"rich":{"ops":[{"insert":"x😀y","attributes":{"b":true}}]}}""",
        """[0,1,2,3,4,"five",[6],{"seven":7}]""",
    ];

    public static string[] Operations { get; } =
    [
        """[{"p":["list",0],"li":"new"},{"p":["text",1],"si":"z"}]""",
        """[{"p":["list",1],"lm":0},{"p":["n"],"na":2.5}]""",
        """[{"p":["text"],"od":"a😀b","oi":{"x":[]}},{"p":["list",2],"ld":{"a":null}}]""",
        """[{"p":["rich"],"t":"rich-text","o":[{"retain":1},{"insert":"k"},{"delete":2}]}]""",
        """[{"p":["text"],"t":"text0","o":[{"p":1,"d":"😀"},{"p":0,"i":"q"}]}]""",
        """[{"p":[1],"ld":1},{"p":[2],"lm":5},{"p":[0],"li":[1,2]}]""",
    ];

    public static IReadOnlyList<byte[]> Dictionary { get; } =
    [
        .. new[]
        {
            "{\"p\":[", "\"p\":[\"list\",0]", ",\"li\":", ",\"ld\":", ",\"oi\":", ",\"od\":", ",\"lm\":", ",\"na\":", ",\"si\":\"x\"", ",\"sd\":\"a\"",
            ",\"t\":\"text0\"", ",\"t\":\"rich-text\"", ",\"o\":[", "{\"insert\":\"a\"}", "{\"retain\":1}", "{\"delete\":1}", "{\"p\":0,\"i\":\"x\"}", "{\"p\":0,\"d\":\"a\"}",
            "null", "1e308", "1e400", "-0", "0.1", "9007199254740993", "-1", "\"\\ud83d\"", "\\ude00", "\"__proto__\"", "\"constructor\"", "\"length\"",
            "[[[[[[[[[[[[[[[[", "{\"a\":{\"a\":{\"a\":", "]", "}", ",", "\n", "\"a\":1,\"a\":2", "\uFEFF", "\"0\"", "true",
        }.Select(Encoding.UTF8.GetBytes),
    ];

    /// <summary>What is written is read as it was, and counts the same.</summary>
    public static void CheckStable(DocumentState state)
    {
        var snapshot = Oracles.Snapshot(state);
        var again = DocumentType.Json.DecodeSnapshot(snapshot);
        Oracles.Holds(Oracles.Snapshot(again).AsSpan().SequenceEqual(snapshot), "a snapshot isn't stable");
        Oracles.Holds(again.Bytes == state.Bytes, "the same content counts otherwise", again.Bytes, state.Bytes, Encoding.UTF8.GetString(snapshot));
    }
}
