// One random component for one place in a document.

using System.Text.Json;
using System.Text.Json.Nodes;
using CloudSync.Operations;

namespace CloudSync.Verification.Json;

internal sealed class RandomComponent(RandomJson make, Random random, bool honest)
{
    public JsonObject On(JsonNode? document, JsonArray path)
    {
        JsonNode? parent = null;
        var there = document;
        var exists = true;
        foreach (var key in path)
        {
            parent = there;
            (exists, there) = Child(parent, key!);
        }

        var component = new JsonObject { ["p"] = path.DeepClone() };
        if (!honest && random.Next(25) == 0)
            Anything(component, there);
        else if (exists && random.Next(2) == 0 && Edit(component, there))
            return component;
        else if (parent is JsonArray list)
            InList(component, list, exists, there);
        else
            InObject(component, exists, there);
        return component;
    }

    private static (bool Exists, JsonNode? Value) Child(JsonNode? parent, JsonNode key)
    {
        if (parent is JsonObject members)
            return (members.TryGetPropertyValue(key.ToString(), out var value), value);
        return parent is JsonArray list && int.TryParse(key.ToString(), out var index) && index >= 0 && index < list.Count
            ? (true, list[index])
            : (false, null);
    }

    // Changes the value itself, if it is one that can be.
    private bool Edit(JsonObject component, JsonNode? value)
    {
        switch (value)
        {
            case JsonValue number when number.GetValueKind() == JsonValueKind.Number:
                component["na"] = make.Number();
                return true;
            case JsonValue text when text.GetValueKind() == JsonValueKind.String:
                EditText(component, text.GetValue<string>());
                return true;
            case JsonObject rich when rich["ops"] is JsonArray && make.Subtypes:
                component["t"] = "rich-text";
                component["o"] = DeltaOn(rich);
                return true;
            default:
                return false;
        }
    }

    private void EditText(JsonObject component, string text)
    {
        if (!make.EditsByText0())
        {
            var (at, inserts, edit) = TextEdit(text);
            component["p"]!.AsArray().Add(at);
            component[inserts ? "si" : "sd"] = edit;
            return;
        }

        var edits = new JsonArray();
        for (var i = random.Next(4); i > 0; i--)
        {
            var (at, inserts, edit) = TextEdit(text);
            edits.Add(new JsonObject { ["p"] = at, [inserts ? "i" : "d"] = edit });
            at = Math.Min(at, text.Length);
            text = inserts ? text.Insert(at, edit) : text.Remove(at, Math.Min(edit.Length, text.Length - at));
        }

        component["t"] = "text0";
        component["o"] = edits;
    }

    private (int At, bool Inserts, string Text) TextEdit(string text)
    {
        var at = random.Next(text.Length + 1);
        if (!honest && random.Next(10) == 0)
            return (at + random.Next(3), random.Next(2) == 0, make.Text());
        if (at > 0 && at < text.Length && char.IsLowSurrogate(text[at]))
            at--;
        if (random.Next(2) == 0)
            return (at, true, make.Text());
        var end = Math.Min(text.Length, at + random.Next(5));
        if (end < text.Length && char.IsLowSurrogate(text[end]))
            end++;
        return (at, false, text[at..end]);
    }

    private JsonNode DeltaOn(JsonObject document)
    {
        var delta = Delta.Empty;
        try
        {
            delta = Delta.ParseJson(document.ToJsonString());
            // The reference knows what to do with these.
            if (delta.Components.Any(c => c.Embed is { } embed && embed.FirstOrDefault().Key is not ("image" or "formula" or "card")))
                delta = Delta.Empty;
        }
        catch (OperationException)
        {
            // Something else than rich text has come to stand there.
        }

        var operation = JsonNode.Parse(make.Deltas.Operation(delta).ToJson())!;
        return random.Next(2) == 0 ? operation : operation["ops"]!.DeepClone();
    }

    private void InList(JsonObject component, JsonArray list, bool exists, JsonNode? there)
    {
        var choice = random.Next(!exists ? 2 : make.Moves ? 8 : 5);
        switch (choice)
        {
            case 0 or 1:
                component["li"] = make.Value(1);
                break;
            case 2 or 3:
                component["ld"] = Told(there);
                break;
            case 4:
                component["li"] = make.Value(1);
                component["ld"] = Told(there);
                break;
            default:
                component["lm"] = random.Next(list.Count + (honest ? 0 : 2));
                break;
        }
    }

    private void InObject(JsonObject component, bool exists, JsonNode? there)
    {
        var choice = random.Next(4);
        if (!exists || choice < 2 || (honest && component["p"]!.AsArray().Count == 0))
            component["oi"] = make.Value(1);
        if ((exists || (!honest && random.Next(5) == 0)) && (choice > 0 || honest))
            component["od"] = Told(there);
    }

    private void Anything(JsonObject component, JsonNode? there)
    {
        switch (random.Next(9))
        {
            case 0: component["oi"] = make.Value(1); break;
            case 1: component["od"] = Told(there); break;
            case 2: component["li"] = make.Value(1); break;
            case 3: component["ld"] = Told(there); break;
            case 4: component["lm"] = random.Next(4); break;
            case 5: component["na"] = make.Number(); break;
            case 6: EditText(component, make.Text()); break;
            case 7:
                component["t"] = "rich-text";
                component["o"] = DeltaOn([]);
                break;
            default:
                component["li"] = component["ld"] = component["oi"] = null;
                break;
        }
    }

    // What is deleted, or what somebody says that it is.
    private JsonNode? Told(JsonNode? there) => honest || random.Next(6) != 0 ? there?.DeepClone() : make.Value(0);
}
