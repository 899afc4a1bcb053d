// Quill's JSON, as REST and the .NET client take it.

using System.Text;
using CloudSync.Operations;
using CloudSync.Verification;

namespace CloudSync.Fuzzing.Targets;

internal sealed class DeltaJsonTarget : IFuzzTarget
{
    public string Name => "delta-json";

    public IEnumerable<byte[]> Seeds =>
        RichTexts.Documents.Select(document => Encoding.UTF8.GetBytes(document.ToJson()))
            .Concat(RichTexts.Operations.Select(operation => Encoding.UTF8.GetBytes(Delta.FromBytes(operation).ToJson())))
            .Concat(Enumerable.Range(0, 40).Select(i => Make(new SeededRandom((ulong)i))));

    public IReadOnlyList<byte[]> Dictionary { get; } =
    [
        .. new[]
        {
            "{\"insert\":\"a\"}", "{\"retain\":1}", "{\"delete\":1}", ",", "{\"ops\":[", "]}", "\"attributes\":{\"a\":null}", "null", "1e0", "3.0", "-1",
            "2147483647", "2147483648", "1e400", "\"\\ud83d\"", "\\ude00", "[[[[[[[[", "{\"a\":{\"a\":{\"a\":", "\"insert\":", "true", "\uFEFF", "{}", "\"\"",
        }.Select(Encoding.UTF8.GetBytes),
    ];

    public byte[] Make(SeededRandom random)
    {
        var make = new CloudSync.Verification.RichText.RandomDeltas(random, odd: true);
        return Encoding.UTF8.GetBytes(make.Operation(make.Document(6), 8).ToJson());
    }

    public void Run(byte[] input, FuzzTrace trace)
    {
        Delta? delta = null;
        if (!Oracles.Accepts(trace, "parse", () => delta = Delta.ParseJson(input)))
            return;
        RichTexts.Describe(delta!.Bytes.ToArray(), true, trace);
        Oracles.Holds(Delta.FromBytes(delta.Bytes).Equals(delta), "what was parsed isn't an operation");
        Oracles.Holds(Delta.ParseJson(delta.ToJson()).Equals(delta), "what was parsed isn't written as it was read", delta.ToJson());
        Oracles.Holds(Delta.ParseJson(Encoding.UTF8.GetString(input).TrimStart('\uFEFF')).Equals(delta), "a string is read otherwise than bytes");
    }
}
