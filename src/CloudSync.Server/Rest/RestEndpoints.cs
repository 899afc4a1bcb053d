// The REST interface as a whole: its JSON, its errors, its description, its routes.

using System.Text.Json.Serialization;
using CloudSync.Operations;
using Microsoft.AspNetCore.Http.Json;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Options;
using Microsoft.OpenApi;

namespace CloudSync.Server.Rest;

internal static class RestEndpoints
{
    public static void AddRest(this IServiceCollection services)
    {
        services.AddOptions<RestOptions>().BindConfiguration("CloudSync:Rest")
            .Validate(
                static options => options.BodyBytes is >= 1024 and <= 256 << 20,
                "CloudSync:Rest:BodyBytes must be from 1024 to 268435456.")
            .ValidateOnStart();
        services.AddOptions<KestrelServerOptions>().Configure<IOptions<RestOptions>>(
            static (kestrel, rest) => kestrel.Limits.MaxRequestBodySize = rest.Value.BodyBytes);
        services.AddSingleton<Problems>();
        services.AddSingleton<Microsoft.AspNetCore.Diagnostics.IExceptionHandler>(
            static provider => provider.GetRequiredService<Problems>());
        services.AddProblemDetails(static options => options.CustomizeProblemDetails = static problem =>
            // A name for one request that only this process's traces know helps nobody outside.
            problem.ProblemDetails.Extensions.Remove("traceId"));
        services.Configure<RouteHandlerOptions>(static options => options.ThrowOnBadRequest = true);
        services.Configure<JsonOptions>(static options =>
        {
            var json = options.SerializerOptions;
            json.Converters.Add(new DeltaJsonConverter());
            json.Converters.Add(new RawJsonConverter());
            // Some levels stand around a document's own.
            json.MaxDepth = JsonLimits.MaxDepth + 16;
            json.DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull;
            json.UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow;
            json.AllowDuplicateProperties = false;
            json.RespectNullableAnnotations = true;
            json.RespectRequiredConstructorParameters = true;
            // Where this stands in a browser's page, application/json is not read as HTML.
            json.Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping;
        });
        services.AddOpenApi("v1", static options =>
        {
            options.AddDocumentTransformer(static (document, _, _) =>
            {
                document.Info = new OpenApiInfo
                {
                    Title = "CloudSync",
                    Version = "v1",
                    Description = "Documents that many people edit at once. Every error is problem details (RFC 9457); "
                        + "'code' names a refusal, 'limit' and 'limitValue' what was exceeded.",
                };
                return Task.CompletedTask;
            });
            options.AddSchemaTransformer(static (schema, context, _) =>
            {
                if (context.JsonTypeInfo.Type == typeof(Delta))
                    DescribeDelta(schema);
                else if (context.JsonTypeInfo.Type == typeof(RawJson))
                    DescribeAny(schema);
                return Task.CompletedTask;
            });
        });
    }

    public static void UseRestErrors(this IApplicationBuilder app)
    {
        app.UseExceptionHandler();
        app.UseStatusCodePages(static context =>
            context.HttpContext.RequestServices.GetRequiredService<Problems>().WriteStatusAsync(context));
    }

    public static void MapRest(this IEndpointRouteBuilder endpoints)
    {
        var api = endpoints.MapGroup("/api");
        // A foreign page can send a form, or text, without asking first. Reading it can't: it would need our permission.
        api.AddEndpointFilter(static async (context, next) =>
        {
            var request = context.HttpContext.Request;
            var options = request.HttpContext.RequestServices.GetRequiredService<IOptions<CloudSyncOptions>>().Value;
            if (!RequestOrigin.IsAllowed(request, options))
                throw new BadRequestException(RequestOrigin.Refusal(request), StatusCodes.Status403Forbidden);
            return await next(context).ConfigureAwait(false);
        });
        // What changes is asked for again; a route that knows better says so itself.
        api.AddEndpointFilter(static async (context, next) =>
        {
            context.HttpContext.Response.Headers.CacheControl = "no-cache";
            return await next(context).ConfigureAwait(false);
        });
        var documents = api.MapGroup("/documents").WithTags("documents");
        documents.MapDocuments();
        documents.MapSnapshots();
        documents.MapSessions();
        documents.MapAudit();
        documents.MapOperations();
        documents.MapTransfers();
        api.MapGroup("/webhooks").WithTags("webhooks").MapWebhooks();
        endpoints.MapOpenApi();
    }

    /// <summary>Tells the OpenAPI document which problems a route can answer with, besides 500 and 503.</summary>
    public static RouteHandlerBuilder Problems(this RouteHandlerBuilder route, params ReadOnlySpan<int> statuses)
    {
        foreach (var status in statuses)
            route.ProducesProblem(status);
        return route.ProducesProblem(StatusCodes.Status500InternalServerError)
            .ProducesProblem(StatusCodes.Status503ServiceUnavailable);
    }

    // Without a type a schema stands for any JSON.
    private static void DescribeAny(OpenApiSchema schema)
    {
        schema.Type = null;
        schema.Properties = null;
        schema.Required = null;
    }

    private static void DescribeDelta(OpenApiSchema schema)
    {
        schema.Type = JsonSchemaType.Object;
        schema.Description = "A Quill delta: {\"ops\":[…]}. Lengths are in UTF-16 code units; an embed counts one.";
        var any = new OpenApiSchema { Description = "Text, or an embed: an object such as {\"image\":\"https://…\"}." };
        var length = new OpenApiSchema { Description = "A length; or an object, to change the embed there." };
        schema.Required = new HashSet<string> { "ops" };
        schema.Properties = new Dictionary<string, IOpenApiSchema>
        {
            ["ops"] = new OpenApiSchema
            {
                Type = JsonSchemaType.Array,
                Items = new OpenApiSchema
                {
                    Type = JsonSchemaType.Object,
                    Properties = new Dictionary<string, IOpenApiSchema>
                    {
                        ["insert"] = any,
                        ["retain"] = length,
                        ["delete"] = new OpenApiSchema { Type = JsonSchemaType.Integer, Minimum = "1" },
                        ["attributes"] = new OpenApiSchema { Type = JsonSchemaType.Object },
                    },
                },
            },
        };
    }
}
