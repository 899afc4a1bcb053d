// Known documents and operations of rich text, and pieces of their binary form.

using System.Text;
using CloudSync.Operations;
using CloudSync.Verification;
using CloudSync.Verification.RichText;

namespace CloudSync.Fuzzing.Targets;

internal static class RichTexts
{
    public static Delta[] Documents { get; } =
    [
        Delta.Empty,
        Delta.FromPlainText("a😀bcdefghijk"),
        Delta.ParseJson("""[{"insert":"a😀b"},{"insert":{"image":"x"},"attributes":{"bold":true}},{"insert":"cd\nef","attributes":{"bold":true}}]"""),
        Delta.ParseJson("""[{"insert":{"image":{"src":1},"alt":2}},{"insert":{}},{"insert":{"formula":"e"}},{"insert":"中文👩‍👩‍👧"}]"""),
    ];

    public static byte[][] Operations { get; } =
    [
        Delta.ParseJson("""[{"retain":1,"attributes":{"bold":null,"color":"red"}},{"insert":"x😀"},{"delete":3}]""").Bytes.ToArray(),
        Delta.ParseJson("""[{"delete":2},{"retain":{"image":"y"},"attributes":{"bold":1.0}},{"retain":2147483600}]""").Bytes.ToArray(),
        Delta.ParseJson("""[{"retain":{"image":"y"}},{"insert":{"image":"z"}}]""").Bytes.ToArray(),
    ];

    /// <summary>Components, whole and in parts.</summary>
    public static IReadOnlyList<byte[]> Dictionary { get; } =
    [
        .. new[]
        {
            "\u0014\u000D{\"bold\":true}", "\u0014\u000D{\"bold\":null}", "\u000B\u000D{\"image\":\"y\"}", "\u0003\u000D{\"image\":\"y\"}",
            "{\"a\":1}", "{}", "null", "[[[[", "{\"a\":{\"a\":{\"a\":", "\\ud83d", "\\ude00", "\\u0061", "1e400", "-0", "1.0", "\"__proto__\":1", ",\"a\":2",
            "\"constructor\":1", "9007199254740993", "😀", "é", "中",
        }.Select(Encoding.UTF8.GetBytes),
        [0xF0, 0x9F], [0xED, 0xA0, 0x80], [0xC0, 0xAF], [0x0C, 0x02, (byte)'{', (byte)'}'], [0xF8, 0xFF, 0xFF, 0xFF, 0x3F],
        [0xF9, 0xFF, 0xFF, 0xFF, 0x3F],
    ];

    /// <summary>Notes which components stand beside each other, and how large they are.</summary>
    public static void Describe(byte[] operation, bool isOperation, FuzzTrace trace)
    {
        if (!isOperation)
            return;
        var before = "start";
        Delta delta;
        try
        {
            delta = Delta.FromBytes(operation);
        }
        catch (OperationException)
        {
            return;
        }

        foreach (var component in delta.Components)
        {
            var kind = $"{component.Kind}{(component.Attributes is null ? "" : " attributed")}";
            trace.Add($"{before}, {kind}");
            trace.Add(kind, component.Length);
            before = kind;
        }
    }

    /// <summary>A document that a stranger may have made.</summary>
    public static Delta Document(SeededRandom random) => new RandomDeltas(random, odd: true).Document(8);
}
