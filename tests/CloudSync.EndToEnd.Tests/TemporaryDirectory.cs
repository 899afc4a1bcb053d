// A directory of a test's own.

namespace CloudSync.EndToEnd.Tests;

internal sealed class TemporaryDirectory : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("cloudsync-e2e-").FullName;

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
