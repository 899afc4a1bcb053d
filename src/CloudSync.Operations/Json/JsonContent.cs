// Reading a part of a JSON document without writing out the rest of it.

using System.Buffers;

namespace CloudSync.Operations;

/// <summary>Reads parts of JSON documents.</summary>
public static class JsonContent
{
    /// <summary>Writes the value that a path leads to, as UTF-8 JSON; costs its size and the length of the path.</summary>
    /// <returns>False, and nothing is written, if there is none.</returns>
    /// <exception cref="ArgumentException">The state is no JSON document's.</exception>
    public static bool TryRead(DocumentState state, ReadOnlySpan<JsonKey> path, IBufferWriter<byte> output)
    {
        ArgumentNullException.ThrowIfNull(output);
        var root = (state as JsonState ?? throw new ArgumentException("Not a JSON document.", nameof(state))).Root;
        var keys = new PathKey[path.Length];
        for (var i = 0; i < keys.Length; i++)
            keys[i] = path[i].ToPathKey();
        if (Find(root, keys) is not { } value)
            return false;
        JsonState.Write(value, output);
        return true;
    }

    private static JsonValue? Find(JsonValue root, PathKey[] path)
    {
        try
        {
            return JsonEditing.Find(root, path);
        }
        catch (OperationException)
        {
            // It leads through what is neither list nor object.
            return null;
        }
    }
}
