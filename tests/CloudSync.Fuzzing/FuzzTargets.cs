// All targets.

using CloudSync.Fuzzing.Targets;
using CloudSync.Operations;

namespace CloudSync.Fuzzing;

/// <summary>The targets of the fuzzer.</summary>
public static class FuzzTargets
{
    /// <summary>All of them.</summary>
    public static IReadOnlyList<IFuzzTarget> All { get; } =
    [
        new OperationTarget(DocumentType.RichText),
        new OperationTarget(DocumentType.Text),
        new SnapshotTarget(),
        new DeltaJsonTarget(),
        new MergeTarget(),
        new JsonOperationTarget(),
        new JsonSnapshotTarget(),
        new JsonMergeTarget(),
        new ClientFrameTarget(),
        new ServerFrameTarget(),
        new WebSocketTarget(),
        new UpgradeRequestTarget(),
        new SegmentTarget(),
        new ImportTarget("html"),
        new ImportTarget("markdown"),
    ];

    /// <summary>The folder in the repository where findings of a target are kept.</summary>
    /// <exception cref="InvalidOperationException">This program doesn't run inside the repository.</exception>
    public static string CorpusFolder(IFuzzTarget target)
    {
        ArgumentNullException.ThrowIfNull(target);
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder.FullName, "CloudSync.slnx")))
        {
            folder = folder.Parent
                ?? throw new InvalidOperationException("The corpus is in the repository that this program was built in.");
        }

        return Path.Combine(folder.FullName, "tests", "CloudSync.Fuzzing", "Corpus", target.Name);
    }
}
