// docs/protocol.md says what the code says: every close code, every error code, every message.

using CloudSync.Gateway;
using CloudSync.Gateway.Polling;
using CloudSync.Protocol.V1;
using Google.Protobuf.Reflection;
using Xunit;

namespace CloudSync.Tests.Gateway;

public sealed class ProtocolPageTests
{
    private static readonly string Text = File.ReadAllText(Page.Find("docs/protocol.md"));

    [Fact]
    public void Every_close_code_is_in_the_table_with_the_right_advice()
    {
        foreach (var code in CloseCode.All)
        {
            var row = Text.Split('\n').SingleOrDefault(line => line.StartsWith($"| {code.Value} |", StringComparison.Ordinal));
            Assert.True(row is not null, $"{code.Value} {code.Name} is not in docs/protocol.md.");
            Assert.Contains(code.Name, row, StringComparison.Ordinal);
            if (code.Value >= 4000)
                Assert.Contains(code.ComeBack ? "| come back |" : "| do not |", row, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Close_codes_are_unique_and_their_reasons_fit_into_a_close_frame()
    {
        Assert.Equal(CloseCode.All.Count, CloseCode.All.Select(code => code.Value).Distinct().Count());
        Assert.All(CloseCode.All, code => Assert.InRange(System.Text.Encoding.UTF8.GetByteCount(code.Reason), 0, 123));
    }

    [Fact]
    public void Every_error_code_is_in_the_table()
    {
        foreach (var value in FrameReflection.Descriptor.FindTypeByName<EnumDescriptor>("ErrorCode").Values.Skip(1))
            Assert.Contains($"| {value.Number} | {value.Name} |", Text, StringComparison.Ordinal);
    }

    [Fact]
    public void Every_refusal_of_a_poll_is_in_the_table()
    {
        foreach (var refusal in PollingRefusal.All)
            Assert.Contains($"| {refusal.Status} | {refusal.Code} |", Text, StringComparison.Ordinal);
    }

    [Fact]
    public void Every_message_has_its_section()
    {
        foreach (var message in new[] { ClientMessage.Descriptor, ServerMessage.Descriptor })
        {
            foreach (var body in message.Oneofs[0].Fields)
                Assert.Contains($"### {body.MessageType.Name}", Text, StringComparison.Ordinal);
        }
    }
}

/// <summary>Finds a page of this repository from where the tests run.</summary>
internal static class Page
{
    public static string Find(string path)
    {
        for (var directory = new DirectoryInfo(AppContext.BaseDirectory); directory is not null; directory = directory.Parent)
        {
            if (File.Exists(Path.Combine(directory.FullName, "CloudSync.slnx")))
                return Path.Combine(directory.FullName, path);
        }

        throw new FileNotFoundException("The tests don't run from inside the repository.", path);
    }
}
