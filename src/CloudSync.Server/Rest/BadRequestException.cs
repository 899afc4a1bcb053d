// A request that the REST interface itself refuses, before any document is touched.

namespace CloudSync.Server.Rest;

/// <summary>The request is wrong in itself: it becomes a problem with this status and detail.</summary>
internal sealed class BadRequestException(string detail, int status = StatusCodes.Status400BadRequest) : Exception(detail)
{
    public int Status => status;
}
