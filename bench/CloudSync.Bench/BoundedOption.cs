// A whole number on the command line, with what is allowed.

using System.CommandLine;
using System.CommandLine.Parsing;

namespace CloudSync.Bench;

internal static class BoundedOption
{
    public static Option<int> Create(string name, string description, int normal, int least, int most)
    {
        var option = new Option<int>(name) { Description = description, DefaultValueFactory = _ => normal };
        option.Validators.Add(result =>
        {
            if (result.Tokens is [{ Value: var value }] && int.TryParse(value, out var number) && (number < least || number > most))
                result.AddError($"{name} is from {least} to {most}.");
        });
        return option;
    }

    /// <summary>Its value within the validator of a command, where one that isn't given has no value yet.</summary>
    public static int ValueOf(SymbolResult command, Option<int> option) =>
        command.GetResult(option) is { Implicit: false } ? command.GetValue(option) : option.DefaultValueFactory!(null!);
}
