// What the targets have in common.

using System.Buffers;
using CloudSync.Operations;

namespace CloudSync.Fuzzing.Targets;

internal static class Oracles
{
    /// <summary>Fails unless it holds.</summary>
    public static void Holds(bool condition, string what, params ReadOnlySpan<object?> details)
    {
        if (!condition)
            throw new FuzzFailureException(details.IsEmpty ? what : $"{what}: {string.Join(" | ", details.ToArray())}");
    }

    /// <summary>Runs it: true if it went well, false if it was refused as operations are.</summary>
    public static bool Accepts(FuzzTrace trace, string what, Action action)
    {
        try
        {
            action();
            trace.Add(what);
            return true;
        }
        catch (OperationException refused)
        {
            trace.Add($"{what}: {refused.Error} {refused.Message}");
            return false;
        }
    }

    /// <summary>What is written; null if it was refused, and then nothing may have been written.</summary>
    public static byte[]? Write(FuzzTrace trace, string what, Action<IBufferWriter<byte>> write)
    {
        var output = new ArrayBufferWriter<byte>();
        if (Accepts(trace, what, () => write(output)))
            return output.WrittenSpan.ToArray();
        Holds(output.WrittenCount == 0, $"{what} was refused, and has written");
        return null;
    }

    /// <summary>A state's snapshot.</summary>
    public static byte[] Snapshot(DocumentState state)
    {
        var output = new ArrayBufferWriter<byte>();
        state.EncodeSnapshot(output);
        return output.WrittenSpan.ToArray();
    }
}
