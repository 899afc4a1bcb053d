// The members of a component while it is read, and the rule which of them go together.

using System.Text.Json;

namespace CloudSync.Operations;

internal struct ComponentMembers
{
    private PathKey[]? _path;
    private JsonValue? _listInserted;
    private JsonValue? _listDeleted;
    private JsonValue? _objectInserted;
    private JsonValue? _objectDeleted;
    private string? _textInserted;
    private string? _textDeleted;
    private long? _to;
    private double? _amount;
    private string? _subtype;
    private JsonValue? _subtypeOperation;

    /// <summary>Reads the member whose name the reader stands on. As in JavaScript the last of equal names counts.</summary>
    public void Read(ref Utf8JsonReader reader)
    {
        var name = Name(in reader);
        reader.Read();
        switch (name)
        {
            case 'p' << 8: _path = ReadPath(ref reader); break;
            case 't' << 8: _subtype = ReadText(in reader); break;
            case 'o' << 8: _subtypeOperation = JsonReading.ReadValue(ref reader, owner: null); break;
            case ('l' << 8) | 'i': _listInserted = JsonReading.ReadValue(ref reader, owner: null); break;
            case ('l' << 8) | 'd': _listDeleted = JsonReading.ReadValue(ref reader, owner: null); break;
            case ('o' << 8) | 'i': _objectInserted = JsonReading.ReadValue(ref reader, owner: null); break;
            case ('o' << 8) | 'd': _objectDeleted = JsonReading.ReadValue(ref reader, owner: null); break;
            case ('s' << 8) | 'i': _textInserted = ReadText(in reader); break;
            case ('s' << 8) | 'd': _textDeleted = ReadText(in reader); break;
            case ('l' << 8) | 'm': _to = ReadPlace(in reader); break;
            case ('n' << 8) | 'a':
                _amount = reader.TokenType == JsonTokenType.Number
                    ? JsonReading.ReadNumber(in reader)
                    : throw JsonLimits.Malformed("na is a number");
                break;
            default:
                throw JsonLimits.Malformed("a component has the member p, and of li, ld, oi, od, lm, na, si, sd, t and o what it does");
        }
    }

    public readonly JsonComponent ToComponent()
    {
        if (_path == null)
            throw JsonLimits.Malformed("a component has no path");
        var actions = (_listInserted != null || _listDeleted != null ? 1 : 0)
            + (_objectInserted != null || _objectDeleted != null ? 1 : 0)
            + (_textInserted != null ? 1 : 0) + (_textDeleted != null ? 1 : 0)
            + (_to != null ? 1 : 0) + (_amount != null ? 1 : 0)
            + (_subtype != null || _subtypeOperation != null ? 1 : 0);
        if (actions != 1)
            throw JsonLimits.Malformed("a component does exactly one thing");

        var component = ToComponent(_path);
        if ((component.InsertsIntoList || component.DeletesFromList || component.IsTextEdit
            || component.Action == JsonAction.ListMove) && (_path.Length == 0 || !_path[^1].IsIndex))
            throw JsonLimits.Malformed("the path of a list's or a text's component ends with a number");
        if (_path.Length > JsonLimits.MaxDepth + (component.IsTextEdit ? 1 : 0))
            throw JsonLimits.PathTooLong();
        return component;
    }

    private readonly JsonComponent ToComponent(PathKey[] path)
    {
        if (_textInserted != null)
            return new(JsonAction.TextInsert, path) { Text = _textInserted };
        if (_textDeleted != null)
            return new(JsonAction.TextDelete, path) { Text = _textDeleted };
        if (_to is { } to)
            return new(JsonAction.ListMove, path) { To = to };
        if (_amount is { } amount)
            return new(JsonAction.NumberAdd, path) { Amount = amount };
        if (_listInserted != null || _listDeleted != null)
        {
            var action = _listDeleted == null ? JsonAction.ListInsert
                : _listInserted == null ? JsonAction.ListDelete
                : JsonAction.ListReplace;
            return new(action, path) { Inserted = _listInserted, Deleted = _listDeleted };
        }

        if (_objectInserted != null || _objectDeleted != null)
        {
            var action = _objectDeleted == null ? JsonAction.ObjectInsert
                : _objectInserted == null ? JsonAction.ObjectDelete
                : JsonAction.ObjectReplace;
            return new(action, path) { Inserted = _objectInserted, Deleted = _objectDeleted };
        }

        return (_subtype, _subtypeOperation) switch
        {
            (_, null) or (null, _) => throw JsonLimits.Malformed("t and o stand together"),
            ("text0", _) => new(JsonAction.Text0, path) { Edits = ReadEdits(_subtypeOperation) },
            ("rich-text", _) => new(JsonAction.RichText, path) { Delta = EmbeddedDelta.OfOperation(_subtypeOperation) },
            _ => throw new OperationException(
                OperationError.NotAllowedByType,
                "The subtype of a JSON operation (t) is not known: 'text0' and 'rich-text' are."),
        };
    }

    // The one or two letters of a name as one number; 0 for any other.
    private static int Name(in Utf8JsonReader reader)
    {
        if (reader.ValueIsEscaped)
        {
            return reader.GetString() switch
            {
                [var only] => only << 8,
                [var first, var second] => (first << 8) | second,
                _ => 0,
            };
        }

        return reader.ValueSpan switch
        {
            [var only] => only << 8,
            [var first, var second] => (first << 8) | second,
            _ => 0,
        };
    }

    private static PathKey[] ReadPath(ref Utf8JsonReader reader)
    {
        if (reader.TokenType != JsonTokenType.StartArray)
            throw JsonLimits.Malformed("a path is a list");
        var buffer = new PathBuffer();
        var count = 0;
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            if (count > JsonLimits.MaxDepth)
                throw JsonLimits.PathTooLong();
            if (reader.TokenType == JsonTokenType.String)
            {
                var name = reader.GetString()!;
                JsonReading.CheckName(name);
                buffer[count++] = new(name);
            }
            else
            {
                buffer[count++] = new(ReadPlace(in reader));
            }
        }

        return buffer[..count].ToArray();
    }

    private static long ReadPlace(in Utf8JsonReader reader)
    {
        if (reader.TokenType == JsonTokenType.Number)
        {
            if (reader.TryGetInt64(out var index) && index is >= 0 and <= PathKey.MaxIndex)
                return index;
            // 3.0 is an integer in JSON.
            if (reader.TryGetDouble(out var number) && number is >= 0 and <= PathKey.MaxIndex && number == Math.Floor(number))
                return (long)number;
        }

        throw JsonLimits.Malformed("a step of a path is a text or an integer from 0 to 9,007,199,254,740,991, and so is lm");
    }

    private static string ReadText(in Utf8JsonReader reader) => reader.TokenType == JsonTokenType.String
        ? reader.GetString()!
        : throw JsonLimits.Malformed("si, sd and t are texts");

    private static TextEdit[] ReadEdits(JsonValue operation)
    {
        if (operation is not JsonList list)
            throw NoEdits();
        if (list.Count > JsonLimits.MaxComponents)
            throw JsonLimits.TooManyComponents();
        var edits = new TextEdit[list.Count];
        for (var i = 0; i < edits.Length; i++)
        {
            if (list[i] is not JsonMembers { Count: 2 } edit
                || edit.Find("p") is not JsonNumber { Value: >= 0 and <= PathKey.MaxIndex } at
                || at.Value != Math.Floor(at.Value)
                || (edit.Find("i") ?? edit.Find("d")) is not JsonText text)
                throw NoEdits();
            edits[i] = new((long)at.Value, text.ToString(), edit.Find("i") != null);
        }

        return edits;
    }

    private static OperationException NoEdits() => JsonLimits.Malformed(
        "an operation of text0 is a list of objects with a position p (an integer of 0 or more) and a text: i or d");

    [System.Runtime.CompilerServices.InlineArray(JsonLimits.MaxDepth + 1)]
    private struct PathBuffer
    {
        private PathKey _first;
    }
}
