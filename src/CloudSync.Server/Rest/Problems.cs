// Every error of the REST interface as problem details (RFC 9457): one place that decides status and wording.

using System.Text.Json;
using System.Text.RegularExpressions;
using CloudSync.Delivery;
using CloudSync.Documents;
using CloudSync.Log;
using CloudSync.Operations;
using CloudSync.Protocol.V1;
using Microsoft.AspNetCore.Diagnostics;
using Microsoft.AspNetCore.Mvc;
using Microsoft.Extensions.Options;

namespace CloudSync.Server.Rest;

/// <summary>Answers exceptions, and statuses that the framework sets without a body, with problem details.</summary>
internal sealed partial class Problems(IOptions<RestOptions> options) : IExceptionHandler
{
    private static readonly TimeSpan _shortestRetry = TimeSpan.FromSeconds(1);

    public async ValueTask<bool> TryHandleAsync(
        HttpContext context, Exception exception, CancellationToken cancellationToken)
    {
        // Nobody is there to read an answer.
        if (exception is OperationCanceledException && context.RequestAborted.IsCancellationRequested)
            return true;

        var problem = Describe(context, exception);
        if (problem is null)
            return false;
        await WriteAsync(context, problem).ConfigureAwait(false);
        return true;
    }

    /// <summary>For statuses without a body: no such route, wrong method, wrong content type, body too large.</summary>
    public Task WriteStatusAsync(StatusCodeContext statusCode)
    {
        var context = statusCode.HttpContext;
        var status = context.Response.StatusCode;
        var problem = status == StatusCodes.Status413PayloadTooLarge
            ? TooLarge()
            : New(status, status switch
            {
                StatusCodes.Status404NotFound => $"There is no {context.Request.Path} here. GET /openapi/v1.json lists the routes.",
                StatusCodes.Status405MethodNotAllowed =>
                    $"{context.Request.Path} does not take {context.Request.Method}; see the Allow header.",
                StatusCodes.Status415UnsupportedMediaType => "The body must be JSON, with Content-Type: application/json.",
                _ => null,
            });
        return WriteAsync(context, problem);
    }

    private static Task WriteAsync(HttpContext context, ProblemDetails problem)
    {
        context.Response.Headers.CacheControl = "no-store";
        return TypedResults.Problem(problem).ExecuteAsync(context);
    }

    private ProblemDetails? Describe(HttpContext context, Exception exception)
    {
        switch (exception)
        {
            case RefusedException refused:
                return OfRefusal(context, refused.Refusal);
            case DocumentExistsException exists:
                return New(StatusCodes.Status409Conflict, exists.Message, "DOCUMENT_EXISTS");
            case OperationException operation:
                return New(StatusCodes.Status422UnprocessableEntity, operation.Message, NameOf(operation.Error switch
                {
                    OperationError.OutOfRange => ErrorCode.OperationOutOfRange,
                    OperationError.SplitsSurrogatePair => ErrorCode.OperationSplitsSurrogatePair,
                    OperationError.NotAllowedByType => ErrorCode.OperationNotAllowedByType,
                    OperationError.DoesNotFit => ErrorCode.OperationDoesNotFit,
                    OperationError.TooDeep => ErrorCode.OperationTooDeep,
                    OperationError.TooManyComponents => ErrorCode.OperationTooManyComponents,
                    _ => ErrorCode.OperationMalformed,
                }));
            case LogUnavailableException:
                // Its message is for the operator: it names files and servers.
                RetryAfter(context, _shortestRetry);
                return New(
                    StatusCodes.Status503ServiceUnavailable, "The log can't be reached just now. Nothing was lost; try again.",
                    NameOf(ErrorCode.LogUnavailable));
            case DeliveryUnavailableException or DeliveryUnusableException:
                RetryAfter(context, _shortestRetry);
                return New(
                    StatusCodes.Status503ServiceUnavailable,
                    "Delivery can't be asked just now. Nothing was lost; try again.", "DELIVERY_UNAVAILABLE");
            case BadRequestException bad:
                return New(bad.Status, bad.Message);
            case BadHttpRequestException { StatusCode: StatusCodes.Status413PayloadTooLarge }:
                return TooLarge();
            case BadHttpRequestException { InnerException: JsonException json }:
                return New(StatusCodes.Status400BadRequest, InPublicWords(json));
            case BadHttpRequestException bad:
                return New(bad.StatusCode, InPublicWords(bad.Message));
            default:
                return null;
        }
    }

    private static ProblemDetails OfRefusal(HttpContext context, Refusal refusal)
    {
        var status = refusal.Code switch
        {
            ErrorCode.InvalidDocumentId => StatusCodes.Status400BadRequest,
            ErrorCode.Unauthorized => StatusCodes.Status401Unauthorized,
            ErrorCode.DocumentNotFound => StatusCodes.Status404NotFound,
            // Reading a version that there is not is a resource not found; editing on one contradicts the document.
            ErrorCode.VersionUnknown => HttpMethods.IsGet(context.Request.Method)
                ? StatusCodes.Status404NotFound
                : StatusCodes.Status409Conflict,
            ErrorCode.SequenceOutOfOrder => StatusCodes.Status409Conflict,
            ErrorCode.OperationMalformed or ErrorCode.OperationOutOfRange or ErrorCode.OperationSplitsSurrogatePair
                or ErrorCode.OperationNotAllowedByType or ErrorCode.OperationTooLarge or ErrorCode.DocumentTooLarge
                or ErrorCode.OperationDoesNotFit or ErrorCode.OperationTooDeep or ErrorCode.OperationTooManyComponents
                or ErrorCode.OperationTooMuchWork =>
                StatusCodes.Status422UnprocessableEntity,
            ErrorCode.DocumentUnreadable or ErrorCode.Internal => StatusCodes.Status500InternalServerError,
            ErrorCode.LogUnavailable or ErrorCode.ShuttingDown or ErrorCode.TooManyPending
                or ErrorCode.TooManyDocuments => StatusCodes.Status503ServiceUnavailable,
            _ => StatusCodes.Status400BadRequest,
        };
        if (refusal.Retry == Retry.Later || status == StatusCodes.Status503ServiceUnavailable)
            RetryAfter(context, refusal.RetryAfter);
        var problem = New(status, refusal.Message, NameOf(refusal.Code));
        if (refusal.Limit is not null)
        {
            problem.Extensions["limit"] = refusal.Limit;
            problem.Extensions["limitValue"] = refusal.LimitValue;
        }

        return problem;
    }

    private ProblemDetails TooLarge()
    {
        var problem = New(
            StatusCodes.Status413PayloadTooLarge,
            $"The body may have at most {options.Value.BodyBytes} bytes (CloudSync:Rest:BodyBytes).");
        problem.Extensions["limit"] = nameof(RestOptions.BodyBytes);
        problem.Extensions["limitValue"] = options.Value.BodyBytes;
        return problem;
    }

    private static ProblemDetails New(int status, string? detail, string? code = null)
    {
        var problem = new ProblemDetails { Status = status, Detail = detail };
        if (code is not null)
            problem.Extensions["code"] = code;
        return problem;
    }

    private static void RetryAfter(HttpContext context, TimeSpan wait)
    {
        var seconds = Math.Ceiling(Math.Max(wait.TotalSeconds, _shortestRetry.TotalSeconds));
        context.Response.Headers.RetryAfter = seconds.ToString("0");
    }

    /// <summary>The name in the .proto file, which is the one that other languages know.</summary>
    internal static string NameOf(ErrorCode code) =>
        FrameReflection.Descriptor.EnumTypes.Single(static type => type.Name == nameof(ErrorCode))
            .FindValueByNumber((int)code)?.Name ?? nameof(ErrorCode.Internal);

    private static string InPublicWords(JsonException exception)
    {
        if (UnknownMember().Match(exception.Message) is { Success: true } unknown)
            return $"The body has a member '{unknown.Groups[1].Value}' that is not known here.";
        if (MissingMembers().Match(exception.Message) is { Success: true } missing)
            return $"The body lacks {missing.Groups[1].Value}.";
        var place = exception.Path is { Length: > 1 } path ? $" at {path}" : "";
        return exception.BytePositionInLine is { } column && exception.LineNumber is { } line
            ? $"The body is not the JSON that is expected here{place} (line {line + 1}, byte {column + 1})."
            : $"The body is not the JSON that is expected here{place}.";
    }

    private static string InPublicWords(string message)
    {
        if (UnboundParameter().Match(message) is { Success: true } unbound)
            return $"'{unbound.Groups[2].Value}' can't be read as a value of '{unbound.Groups[1].Value}'.";
        return message.Contains("no body was provided", StringComparison.Ordinal) ? "A JSON body is expected." : message;
    }

    // The framework's sentences name C# types; these find what is of use to the caller in them.
    [GeneratedRegex("""^The JSON property '(.{1,100}?)' could not be mapped""", RegexOptions.Singleline)]
    private static partial Regex UnknownMember();

    [GeneratedRegex("""was missing required properties including: (.{1,200}?)\.?$""", RegexOptions.Singleline)]
    private static partial Regex MissingMembers();

    [GeneratedRegex("""^Failed to bind parameter ".{1,100}? (\w+)" from "(.{0,100}).*"\.$""", RegexOptions.Singleline)]
    private static partial Regex UnboundParameter();
}
