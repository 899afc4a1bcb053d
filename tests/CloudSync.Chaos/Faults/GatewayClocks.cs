// The clocks of gateways, which can be set: libfaketime answers in place of the system when a gateway asks for the time. How
// long something takes is still measured truly, as on a machine whose clock is set.

using System.Globalization;

namespace CloudSync.Chaos.Faults;

/// <summary>Clocks that can jump.</summary>
/// <param name="folder">Where they are kept.</param>
/// <param name="areSet">False: nobody is asked for the time but the system.</param>
internal sealed class GatewayClocks(string folder, bool areSet)
{
    // The others keep true time.
    private const string Gateway = "gateway-3";

    private static readonly string? _library = Directory.Exists("/usr/lib")
        ? Directory.GetDirectories("/usr/lib", "*-linux-gnu*")
            .Select(static folder => Path.Combine(folder, "faketime", "libfaketimeMT.so.1")).FirstOrDefault(File.Exists)
        : null;

    /// <summary>Why no clock can be set; empty if one can.</summary>
    public static string Missing => _library is null ? "libfaketime isn't installed (Debian: libfaketime)" : "";

    private string FilePath => Path.Combine(folder, Gateway + ".clock");

    /// <summary>What makes a gateway ask us for the time.</summary>
    public IReadOnlyDictionary<string, string> SettingsOf(string name)
    {
        if (name != Gateway || _library is null || !areSet)
            return new Dictionary<string, string>();
        Set(TimeSpan.Zero);
        return new Dictionary<string, string>
        {
            ["LD_PRELOAD"] = _library,
            ["FAKETIME_TIMESTAMP_FILE"] = FilePath,
            ["FAKETIME_CACHE_DURATION"] = "1",
            ["FAKETIME_DONT_FAKE_MONOTONIC"] = "1",
            // With it, timers of .NET don't ring, or seconds late.
            ["FAKETIME_FORCE_MONOTONIC_FIX"] = "0",
            ["FAKETIME_DONT_RESET"] = "1",
        };
    }

    /// <summary>Sets it before or after true time.</summary>
    public void Set(TimeSpan ahead)
    {
        // In one step: it is read at any moment.
        File.WriteAllText(FilePath + ".new", string.Create(CultureInfo.InvariantCulture, $"{ahead.TotalSeconds:+0.0;-0.0;+0}\n"));
        File.Move(FilePath + ".new", FilePath, overwrite: true);
    }
}
