// audit verify, audit authors: asks the log of a server, which may be running, about the past. docs/audit.md.

using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using CloudSync.Audit;
using CloudSync.Documents;
using CloudSync.Log;
using CloudSync.Protocol.V1;
using CloudSync.Server.Rest;

namespace CloudSync.Server.Admin;

internal static class AuditCommand
{
    private const int FaultFound = 1;
    private const int NoSuchDocument = 6;

    private static readonly JsonSerializerOptions _json = new(JsonSerializerDefaults.Web);

    private static readonly Argument<string> _document = new("DOCUMENT") { Description = "The id of a document." };

    public static Command Create() => new("audit", "Asks the log about the past.") { CreateVerify(), CreateAuthors() };

    private static Command CreateVerify()
    {
        var expect = new Option<string?>("--expect")
        {
            Description = "A link that was kept elsewhere, as VERSION:LINK.",
        };
        expect.Validators.Add(static result =>
        {
            if (result.Tokens is [{ Value: var value }] && !TryParse(value, out _))
                result.AddError("--expect is a version, a colon and 64 hexadecimal digits.");
        });
        var command = new Command(
            "verify", "Verifies that nothing of a document's past was changed, removed or inserted. Exit code 1 if something was.")
        {
            _document, expect, LogAccess.Data, LogAccess.PostgreSql, LogAccess.Json,
        };
        command.SetAction((parsed, stop) => LogAccess.UseAsync(parsed, (log, stopping) => Refused(async () =>
        {
            AuditLink? kept = parsed.GetValue(expect) is { } text && TryParse(text, out var link) ? link : null;
            var found = await new AuditTrail(log).VerifyAsync(parsed.GetRequiredValue(_document), kept, stopping)
                .ConfigureAwait(false);
            if (parsed.GetValue(LogAccess.Json))
                Console.WriteLine(JsonSerializer.Serialize(AuditResource.Of(found), _json));
            else
                Write(found);
            return found.Fault is null ? 0 : FaultFound;
        }), stop));
        return command;
    }

    private static Command CreateAuthors()
    {
        var version = new Option<long?>("--version") { Description = "Of which version; the newest if left out." };
        var from = new Option<int>("--from") { Description = "Where the stretch begins, in UTF-16 code units." };
        var to = new Option<int?>("--to") { Description = "Where it ends; the document's end if left out." };
        var command = new Command("authors", "Tells who wrote each part of a document, and when.")
        {
            _document, version, from, to, LogAccess.Data, LogAccess.PostgreSql, LogAccess.Json,
        };
        command.SetAction((parsed, stop) => LogAccess.UseAsync(parsed, (log, stopping) => Refused(async () =>
        {
            var found = await new AuditTrail(log).FindAuthorsAsync(
                parsed.GetRequiredValue(_document), parsed.GetValue(version), parsed.GetValue(from), parsed.GetValue(to),
                stopping).ConfigureAwait(false);
            if (parsed.GetValue(LogAccess.Json))
            {
                Console.WriteLine(JsonSerializer.Serialize(AuthorsPage.Of(found, int.MaxValue), _json));
                return 0;
            }

            Console.WriteLine("from\tto\tversion\tcommitted at\tauthor\tsession");
            foreach (var run in found.Runs)
            {
                Console.WriteLine(string.Create(
                    CultureInfo.InvariantCulture,
                    $"{run.Position}\t{run.Position + run.Length}\t{run.Version}\t{run.CommittedAt:yyyy-MM-dd'T'HH:mm:ss.ffffff'Z'}\t{run.Author}\t{run.ClientId}"));
            }

            return 0;
        }), stop));
        return command;
    }

    private static async Task<int> Refused(Func<Task<int>> ask)
    {
        try
        {
            return await ask().ConfigureAwait(false);
        }
        catch (RefusedException exception)
        {
            return CommandLine.Fail(
                exception.Refusal.Code == ErrorCode.DocumentNotFound ? NoSuchDocument : CommandLine.WrongUsage,
                exception.Message);
        }
    }

    private static void Write(AuditVerification found)
    {
        if (found.Fault is { } fault)
        {
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"NOT as it was written: {fault.Message} (between versions {fault.FirstVersion} and {fault.LastVersion}). Sound up to version {found.SoundThrough}."));
        }
        else if (found.Head == 0)
        {
            Console.WriteLine("Nothing was ever written to it.");
        }
        else
        {
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture, $"All {found.Head} versions are as they were written."));
            Console.WriteLine($"Keep this link elsewhere: {found.Link.Version}:{Convert.ToHexStringLower(found.Link.Hash.Span)}");
        }
    }

    private static bool TryParse(string text, out AuditLink link)
    {
        link = default;
        var parts = text.Split(':');
        if (parts.Length != 2 || parts[1].Length != 2 * AuditChain.HashBytes || !parts[1].All(char.IsAsciiHexDigit)
            || !long.TryParse(parts[0], NumberStyles.None, CultureInfo.InvariantCulture, out var version) || version < 1)
            return false;
        link = new AuditLink(version, Convert.FromHexString(parts[1]));
        return true;
    }
}
