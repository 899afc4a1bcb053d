// A directory of a test's own, in which every user may have one: PostgreSQL doesn't run as root.

using System.Diagnostics;

namespace CloudSync.PostgreSql.Tests;

internal sealed class TemporaryDirectory : IDisposable
{
    private readonly string _path = Directory.CreateTempSubdirectory("cloudsync-postgres-").FullName;

    public TemporaryDirectory()
    {
        using var chmod = Process.Start("chmod", ["755", _path]);
        chmod.WaitForExit();
    }

    public string Folder(string name) => Path.Combine(_path, name);

    public void Dispose() => Directory.Delete(_path, recursive: true);
}
