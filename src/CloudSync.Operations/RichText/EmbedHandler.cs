// What an application registers for a type of embed whose changes are to be merged rather than to replace each other.

using System.Collections.Concurrent;
using System.Text.Json.Nodes;

namespace CloudSync.Operations;

/// <summary>
/// How changes of one type of embed meet: what quill-delta takes in <c>Delta.registerEmbed</c>. Without a handler a change
/// replaces the embed's data.
/// </summary>
/// <remarks>
/// <para>
/// It is given the data alone: of <c>{"retain":{"table":{"rows":1}}}</c> the <c>{"rows":1}</c>. Values are the handler's
/// own, to be changed and handed back as it likes; null is JSON's null.
/// </para>
/// <para>
/// A handler must be pure and thread-safe, and every server and client of a document must have the equal one: register
/// it before the first document is opened. The three functions have to obey the laws of the delta around them, or copies
/// of a document differ. Whatever it throws, and data that an embed can't hold, is an
/// <see cref="OperationException"/> of <see cref="OperationError.Malformed"/> to the caller, and changes nothing.
/// </para>
/// </remarks>
public abstract class EmbedHandler
{
    private static readonly ConcurrentDictionary<string, EmbedHandler> s_handlers = new();

    /// <summary>What a change makes of an embed, or two changes in turn of one.</summary>
    /// <param name="first">The data of the embed, or of the first change.</param>
    /// <param name="second">The data of the change that comes after it.</param>
    /// <param name="keepNull">
    /// Whether <paramref name="first"/> is a change too, so that what removes something has still to be kept; false if it
    /// is the embed itself.
    /// </param>
    public abstract JsonNode? Compose(JsonNode? first, JsonNode? second, bool keepNull);

    /// <summary>Rewrites a change so that it can be applied after a concurrent one.</summary>
    /// <param name="over">The change that is applied first.</param>
    /// <param name="change">The change to rewrite.</param>
    /// <param name="side">
    /// Where <paramref name="change"/> stands in a tie. <see cref="Side.Right"/> is what quill-delta calls priority of
    /// <paramref name="over"/>.
    /// </param>
    public abstract JsonNode? Transform(JsonNode? over, JsonNode? change, Side side);

    /// <summary>The change that takes <paramref name="change"/> back.</summary>
    /// <param name="change">The change.</param>
    /// <param name="before">The data of the embed before it.</param>
    public abstract JsonNode? Invert(JsonNode? change, JsonNode? before);

    /// <summary>Sets the handler of a type of embed, for the whole process.</summary>
    /// <param name="type">The name of the embed's (first) member.</param>
    /// <param name="handler">The handler; it takes the place of an earlier one.</param>
    public static void Register(string type, EmbedHandler handler)
    {
        ArgumentException.ThrowIfNullOrEmpty(type);
        ArgumentNullException.ThrowIfNull(handler);
        s_handlers[type] = handler;
    }

    /// <summary>Takes the handler of a type of embed away; a change replaces the data again.</summary>
    public static void Unregister(string type) => s_handlers.TryRemove(type, out _);

    /// <summary>The handler for the type that a member's name is; null if there is none.</summary>
    internal static EmbedHandler? Of(in MemberReader embed) =>
        s_handlers.IsEmpty ? null : s_handlers.GetValueOrDefault(embed.Name());
}
