// The memory of a process, as Linux counts it.

using System.Globalization;

namespace CloudSync.Bench.Load;

internal static class ProcessMemory
{
    /// <summary>
    /// Resident memory in bytes, mapped files included, and the private part of it: heap, stacks, buffers. 0 for a process that
    /// is gone.
    /// </summary>
    public static (long Resident, long Private) Read(int processId)
    {
        try
        {
            long resident = 0, anonymous = 0;
            foreach (var line in File.ReadLines(string.Create(CultureInfo.InvariantCulture, $"/proc/{processId}/status")))
            {
                if (line.StartsWith("VmRSS:", StringComparison.Ordinal))
                    resident = BytesIn(line);
                else if (line.StartsWith("RssAnon:", StringComparison.Ordinal))
                    anonymous = BytesIn(line);
            }

            return (resident, anonymous);
        }
        catch (IOException)
        {
            return (0, 0);
        }
    }

    // "VmRSS:	   12345 kB"
    private static long BytesIn(string line) =>
        long.Parse(line.AsSpan(line.IndexOf(':', StringComparison.Ordinal) + 1).Trim()[..^" kB".Length], CultureInfo.InvariantCulture) * 1024;
}
