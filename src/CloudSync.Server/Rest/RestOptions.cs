// What the REST interface accepts.

namespace CloudSync.Server.Rest;

/// <summary>The bounds of the REST interface. Bound from the configuration section "CloudSync:Rest".</summary>
internal sealed class RestOptions
{
    /// <summary>Bytes in the body of one request.</summary>
    public int BodyBytes { get; set; } = 8 << 20;

    // Of the data model, so not to be set.
    public const int TitleLength = 200;
    public const int AuthorLength = 64;
    public const int PageSize = 50;
    public const int PageSizeMax = 200;
    public const int OperationsPageSize = 100;
    public const int OperationsPageSizeMax = 1_000;
}
