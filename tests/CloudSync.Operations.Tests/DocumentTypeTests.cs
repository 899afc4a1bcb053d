// Which types of document there are, by name.

using Xunit;

namespace CloudSync.Operations.Tests;

public sealed class DocumentTypeTests
{
    [Theory]
    [InlineData("rich-text")]
    [InlineData("text")]
    [InlineData("json")]
    public void A_type_is_found_by_its_own_name(string name) => Assert.Equal(name, DocumentType.Find(name)?.Name);

    [Fact]
    public void An_unknown_name_finds_no_type() => Assert.Null(DocumentType.Find("spreadsheet"));
}
