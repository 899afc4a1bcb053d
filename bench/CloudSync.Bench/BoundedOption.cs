// A whole number on the command line, with what is allowed.

using System.CommandLine;

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
}
