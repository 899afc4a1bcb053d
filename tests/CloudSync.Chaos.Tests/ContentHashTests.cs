// What counts as the same content.

using CloudSync.Chaos.Workload;
using CloudSync.Operations;
using Xunit;

namespace CloudSync.Chaos.Tests;

public sealed class ContentHashTests
{
    private const string BoldItalic = """{"insert":"a","attributes":{"bold":true,"italic":true}}""";
    private const string ItalicBold = """{"insert":"a","attributes":{"italic":true,"bold":true}}""";

    [Fact]
    public void The_order_of_attributes_is_of_no_matter()
    {
        Assert.Equal(Of(BoldItalic), Of(ItalicBold));
        Assert.Equal(Of(BoldItalic, BoldItalic), Of(BoldItalic, ItalicBold));
    }

    [Theory]
    [InlineData("""{"insert":"a"}""")]
    [InlineData("""{"insert":"b","attributes":{"bold":true,"italic":true}}""")]
    [InlineData("""{"insert":"a","attributes":{"bold":true}}""")]
    [InlineData("""{"insert":"a","attributes":{"bold":true,"italic":"yes"}}""")]
    [InlineData("""{"insert":{"image":"a"},"attributes":{"bold":true,"italic":true}}""")]
    public void Anything_else_is(string other) => Assert.NotEqual(Of(BoldItalic), Of(other));

    private static string Of(params string[] pieces) => ContentHash.Of(Delta.ParseJson($$"""{"ops":[{{string.Join(',', pieces)}}]}"""));
}
