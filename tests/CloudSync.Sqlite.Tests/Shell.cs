// Runs a program that changes the file system around a test.

using System.ComponentModel;
using System.Diagnostics;

namespace CloudSync.Sqlite.Tests;

internal static class Shell
{
    /// <summary>True if the program is there and succeeded.</summary>
    public static bool Run(string program, params string[] arguments)
    {
        try
        {
            using var process = Process.Start(
                new ProcessStartInfo(program, arguments) { RedirectStandardError = true, RedirectStandardOutput = true })!;
            process.StandardError.ReadToEnd();
            process.WaitForExit();
            return process.ExitCode == 0;
        }
        catch (Win32Exception)
        {
            return false;
        }
    }
}
