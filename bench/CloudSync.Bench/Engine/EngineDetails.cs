// BenchmarkDotNet's view of the single functions: time, its spread, and allocation.

using System.Buffers;
using BenchmarkDotNet.Attributes;
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Running;
using BenchmarkDotNet.Toolchains.InProcess.Emit;
using CloudSync.Operations;

namespace CloudSync.Bench.Engine;

/// <summary>Public, as BenchmarkDotNet wants it.</summary>
[MemoryDiagnoser]
public class EngineDetails
{
    private readonly byte[] _snapshot = Delta.FromPlainText(new string('x', 100_000)).Bytes.ToArray();
    private readonly byte[] _insert = Delta.Build().Retain(50_000).Insert("a").ToDelta().Bytes.ToArray();
    private readonly byte[] _delete = Delta.Build().Retain(50_000).Delete(1).ToDelta().Bytes.ToArray();
    private readonly byte[] _other = Delta.Build().Retain(40_000).Insert("b").ToDelta().Bytes.ToArray();
    private readonly byte[] _bold =
        Delta.Build().Retain(50_000).Retain(5, new() { ["bold"] = true }).ToDelta().Bytes.ToArray();
    private readonly byte[] _red =
        Delta.Build().Retain(50_002).Retain(5, new() { ["color"] = "red", ["bold"] = null }).ToDelta().Bytes.ToArray();

    private readonly ArrayBufferWriter<byte> _output = new(256);
    private readonly DocumentState _document = DocumentType.RichText.DecodeSnapshot(Delta.FromPlainText(new string('x', 100_000)).Bytes.Span);

    internal static int Run()
    {
        // In this process: the project would else be built once more, beside the sources.
        var config = DefaultConfig.Instance
            .AddJob(Job.Default.WithToolchain(InProcessEmitToolchain.Instance))
            .WithArtifactsPath(Path.Combine(Path.GetTempPath(), "cloudsync-bench"));
        BenchmarkRunner.Run<EngineDetails>(config);
        return 0;
    }

    /// <summary>A keystroke and the one that takes it back, applied: two edits.</summary>
    [Benchmark(OperationsPerInvoke = 2)]
    public int Apply()
    {
        _document.Apply(_insert);
        _document.Apply(_delete);
        return _document.Length;
    }

    /// <summary>One keystroke over another.</summary>
    [Benchmark]
    public int TransformKeystroke() => Transform(_insert, _other);

    /// <summary>Formatting over formatting, in part the same text and the same attribute.</summary>
    [Benchmark]
    public int TransformFormat() => Transform(_red, _bold);

    /// <summary>Two keystrokes into one.</summary>
    [Benchmark]
    public int ComposeKeystrokes()
    {
        _output.ResetWrittenCount();
        DocumentType.RichText.Compose(_insert, _other, _output);
        return _output.WrittenCount;
    }

    /// <summary>Checking what a client sent.</summary>
    [Benchmark]
    public int Measure() => DocumentType.RichText.Measure(_insert).LengthChange;

    /// <summary>What takes a keystroke back.</summary>
    [Benchmark]
    public int Invert()
    {
        _output.ResetWrittenCount();
        _document.Invert(_delete, _output);
        return _output.WrittenCount;
    }

    /// <summary>A snapshot that shares everything.</summary>
    [Benchmark]
    public DocumentState Fork() => _document.Fork();

    /// <summary>100,000 bytes from their binary form.</summary>
    [Benchmark]
    public DocumentState DecodeSnapshot() => DocumentType.RichText.DecodeSnapshot(_snapshot);

    private int Transform(byte[] operation, byte[] over)
    {
        _output.ResetWrittenCount();
        DocumentType.RichText.Transform(operation, over, Side.Right, _output);
        return _output.WrittenCount;
    }
}
