// The input that is being run, kept in a file that outlives the process: a stack overflow leaves nobody to tell of it.

using System.IO.MemoryMappedFiles;
using CloudSync.Fuzzing;

namespace CloudSync.Bench.Fuzz;

internal sealed class LastInput : IDisposable
{
    private const int Capacity = 64 * 1024;

    private readonly IFuzzTarget _target;
    private readonly MemoryMappedFile _file;
    private readonly MemoryMappedViewAccessor _view;

    public LastInput(IFuzzTarget target)
    {
        _target = target;
        var folder = Path.Combine(Path.GetTempPath(), "cloudsync-fuzz");
        Directory.CreateDirectory(folder);
        _file = MemoryMappedFile.CreateFromFile(Path.Combine(folder, target.Name), FileMode.OpenOrCreate, null, Capacity);
        _view = _file.CreateViewAccessor();
    }

    /// <summary>Puts the input of a run that has killed its process into the corpus.</summary>
    public void ReplayAfterCrash()
    {
        var length = _view.ReadInt32(0);
        if (length is <= 0 or > Capacity - 4)
            return;
        var input = new byte[length];
        _view.ReadArray(4, input, 0, length);
        Forget();
        var path = new FuzzFinding(_target.Name, input, "crash", "").Save(FuzzTargets.CorpusFolder(_target));
        Console.Error.WriteLine($"cloudsync: an earlier run ended with this input of {_target.Name}: {path}");
    }

    public void Keep(byte[] input)
    {
        _view.Write(0, 0);
        _view.WriteArray(4, input, 0, Math.Min(input.Length, Capacity - 4));
        _view.Write(0, Math.Min(input.Length, Capacity - 4));
    }

    public void Forget() => _view.Write(0, 0);

    public void Dispose()
    {
        _view.Dispose();
        _file.Dispose();
    }
}
