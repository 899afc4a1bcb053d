// A copy of the sources with all traps in it, in a folder of its own. What is copied from stays as it is.

using System.Diagnostics;
using CloudSync.Traps.Catalogue;

namespace CloudSync.Traps.Planting;

internal sealed class PlantedSources
{
    /// <summary>The environment variable that sets a trap.</summary>
    public const string Variable = "CLOUDSYNC_TRAP";

    private const string Solution = "CloudSync.slnx";

    // Where everything sees it: the lowest project there is.
    private const string ConditionFile = "src/CloudSync.Operations/Planted.cs";

    private const string ConditionText = $$"""
        namespace CloudSync;

        /// <summary>Which trap is set.</summary>
        public static class Planted
        {
            private static readonly string? _name = System.Environment.GetEnvironmentVariable("{{Variable}}");

            /// <summary>Whether it is this one.</summary>
            public static bool Is(string name) => _name == name;
        }

        """;

    private static readonly string[] _copied =
        ["src", "tests/CloudSync.Simulation", "Directory.Build.props", "Directory.Packages.props", "global.json", ".editorconfig"];

    private static readonly string[] _made = ["bin", "obj", "node_modules", "TestResults"];

    private readonly string _folder;

    private PlantedSources(string folder) => _folder = folder;

    /// <summary>The root of the sources that this program was built from.</summary>
    /// <exception cref="TrapException">They aren't there.</exception>
    public static string FindRoot()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, Solution)))
                return folder.FullName;
        }

        throw new TrapException($"The sources aren't there: no {Solution} above {AppContext.BaseDirectory}.");
    }

    /// <summary>Copies the sources into a folder and plants all traps.</summary>
    /// <exception cref="TrapException">A trap doesn't fit them any more.</exception>
    public static PlantedSources Create(string root, string folder, IReadOnlyList<Trap> traps)
    {
        foreach (var name in _copied)
            Copy(Path.Combine(root, name), Path.Combine(folder, name));
        foreach (var (file, text) in Plant(root, traps))
            File.WriteAllText(Path.Combine(folder, file), text);
        File.WriteAllText(Path.Combine(folder, ConditionFile), ConditionText);
        return new(folder);
    }

    /// <summary>The files that traps change, with all of them in it.</summary>
    /// <exception cref="TrapException">A trap doesn't fit the sources any more.</exception>
    public static IReadOnlyDictionary<string, string> Plant(string root, IReadOnlyList<Trap> traps) => traps
        .SelectMany(static trap => trap.Changes.Select(change => (Trap: trap, Change: change)))
        .GroupBy(static planned => planned.Change.File)
        .ToDictionary(
            static changes => changes.Key,
            changes => PlantedText.Plant(changes.Key, Read(root, changes.Key, changes.First().Trap), changes));

    /// <summary>Builds the simulator; returns its program.</summary>
    /// <exception cref="TrapException">It can't be built.</exception>
    public Task<string> BuildSimulatorAsync(CancellationToken stop) =>
        BuildAsync("tests/CloudSync.Simulation", "CloudSync.Simulation", Path.Combine(_folder, "built"), stop);

    /// <summary>Builds the server into a folder; returns its program.</summary>
    /// <exception cref="TrapException">It can't be built.</exception>
    public Task<string> BuildServerAsync(string to, CancellationToken stop) =>
        BuildAsync("src/CloudSync.Server", "CloudSync.Server", Path.GetFullPath(to), stop);

    private static string Read(string root, string file, Trap trap)
    {
        var path = Path.Combine(root, file);
        return File.Exists(path)
            ? File.ReadAllText(path)
            : throw new TrapException($"The trap '{trap.Name}' has no place any more: there is no {file}.");
    }

    private static void Copy(string from, string to)
    {
        if (File.Exists(from))
        {
            Directory.CreateDirectory(Path.GetDirectoryName(to)!);
            File.Copy(from, to);
            return;
        }

        foreach (var entry in Directory.EnumerateFileSystemEntries(from))
        {
            var name = Path.GetFileName(entry);
            if (!_made.Contains(name))
                Copy(entry, Path.Combine(to, name));
        }
    }

    // Style and documentation are checked where the sources are at home. No build server: nothing may stay behind that was started here.
    private async Task<string> BuildAsync(string project, string program, string to, CancellationToken stop)
    {
        var start = new ProcessStartInfo("dotnet")
        {
            WorkingDirectory = _folder,
            ArgumentList =
            {
                "build", project, "-c", "Release", "-o", to, "--nologo", "-v", "quiet", "--disable-build-servers", "-p:RunAnalyzers=false",
                "-p:EnforceCodeStyleInBuild=false", "-p:TreatWarningsAsErrors=false", "-p:GenerateDocumentationFile=false",
            },
        };
        var (exitCode, output, errors) = await Processes.RunAsync(start, stop);
        return exitCode == 0
            ? Path.Combine(to, program)
            : throw new TrapException($"The sources with the traps in them can't be built:\n{output}{errors}");
    }
}
