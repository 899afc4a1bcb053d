// Our merging beside the published quill-delta, on the same random cases, in one Node process.

using System.Diagnostics;
using System.Text.Json.Nodes;
using CsCheck;
using Xunit;

namespace CloudSync.Operations.Tests.QuillDelta;

public sealed class QuillDeltaTests(ITestOutputHelper log)
{
    private const int Cases = 4_000;

    [Fact]
    public void Every_function_gives_what_quill_delta_gives()
    {
        var seed = Random.Shared.Next();
        log.WriteLine($"seed {seed}");
        var make = new RandomDeltas(new Random(seed), insertNulls: true);
        var cases = Enumerable.Range(0, Cases).Select(i => Case(make, i % 5)).ToList();
        var answers = Ask(cases.Select(c => c.Question.ToJsonString()).ToList());
        for (var i = 0; i < cases.Count; i++)
        {
            var answer = JsonNode.Parse(answers[i])!.AsObject();
            var context = $"seed {seed}, case {i}: {cases[i].Question.ToJsonString()}\nquill-delta: {answers[i]}\nours: {cases[i].Ours}";
            Assert.True(answer.ContainsKey("ok"), context);
            var same = cases[i].Ours is int position
                ? answer["ok"]!.GetValue<int>() == position
                : Delta.ParseJson(answer["ok"]!.ToJsonString()).Equals((Delta)cases[i].Ours);
            Assert.True(same, context);
        }
    }

    private static (JsonObject Question, object Ours) Case(RandomDeltas make, int kind)
    {
        var document = make.Document(8);
        var a = make.Operation(document, 8);
        var b = make.Operation(document, 8);
        var side = make.Side();
        switch (kind)
        {
            case 0:
                return (Question("compose", document, a), document.Compose(a));
            case 1:
                var next = make.Operation(document.Compose(a), 8);
                // Where an embed was changed quill-delta's compose loses a null, and with it the removal it stands for.
                if (a.Components.Any(c => c.Kind == DeltaKind.RetainEmbed))
                    next = WithoutNulls(next);
                return (Question("compose", a, next), a.Compose(next));
            case 2:
                // quill-delta's transform has the operation it transforms over on the left.
                return (Question("transform", b, a, side == Side.Right), a.Transform(b, side));
            case 3:
                var at = make.Next(12);
                var question = Question("position", a, a, side == Side.Left);
                question["b"] = at;
                return (question, a.TransformPosition(at, side));
            default:
                return (Question("invert", a, document), a.Invert(document));
        }
    }

    private static Delta WithoutNulls(Delta delta)
    {
        var ops = JsonNode.Parse(delta.ToJson())!["ops"]!.AsArray();
        foreach (var op in ops)
        {
            if (op!["attributes"] is JsonObject attributes)
            {
                foreach (var name in attributes.Where(a => a.Value is null).Select(a => a.Key).ToList())
                    attributes.Remove(name);
            }
        }

        return Delta.ParseJson(ops.ToJsonString());
    }

    private static JsonObject Question(string what, Delta a, Delta b, bool priority = false) => new()
    {
        ["do"] = what,
        ["a"] = JsonNode.Parse(a.ToJson())!["ops"]!.DeepClone(),
        ["b"] = JsonNode.Parse(b.ToJson())!["ops"]!.DeepClone(),
        ["priority"] = priority,
    };

    private static List<string> Ask(List<string> questions)
    {
        var script = Path.Combine(RepositoryRoot(), "tests", "CloudSync.Operations.Tests", "QuillDelta", "reference.mjs");
        using var node = Process.Start(new ProcessStartInfo("node", [script])
        {
            RedirectStandardInput = true, RedirectStandardOutput = true, UseShellExecute = false,
        })!;
        var asking = Task.Run(() =>
        {
            foreach (var question in questions)
                node.StandardInput.WriteLine(question);
            node.StandardInput.Close();
        });
        var answers = new List<string>();
        while (node.StandardOutput.ReadLine() is { } line)
            answers.Add(line);
        asking.GetAwaiter().GetResult();
        node.WaitForExit();
        Assert.Equal(0, node.ExitCode);
        Assert.Equal(questions.Count, answers.Count);
        return answers;
    }

    private static string RepositoryRoot()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder.FullName, "CloudSync.slnx")))
            folder = folder.Parent ?? throw new InvalidOperationException("The tests don't run inside the repository.");
        return folder.FullName;
    }
}
