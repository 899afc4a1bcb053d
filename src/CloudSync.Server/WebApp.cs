// The web app: static files, and its page for every address that is a page of it.

using Microsoft.Extensions.FileProviders;

namespace CloudSync.Server;

internal static class WebApp
{
    // Nothing but its own files runs in it. Documents show images from anywhere; the editor sets styles as it goes.
    private const string Policy =
        "default-src 'self'; connect-src 'self' ws: wss:; img-src 'self' http: https: data: blob:; "
        + "style-src 'self' 'unsafe-inline'; font-src 'self' data:; frame-src https:; base-uri 'none'; form-action 'self'";

    public static void UseWebApp(this WebApplication app, DirectoryInfo folder)
    {
        if (folder.Exists)
        {
            app.UseStaticFiles(new StaticFileOptions
            {
                FileProvider = new PhysicalFileProvider(folder.FullName),
                OnPrepareResponse = static file =>
                {
                    var headers = file.Context.Response.Headers;
                    // The names of assets hold a hash of what is in them.
                    headers.CacheControl = file.Context.Request.Path.StartsWithSegments("/assets")
                        ? "public, max-age=31536000, immutable"
                        : "no-cache";
                    headers.ContentSecurityPolicy = Policy;
                },
            });
        }

        var page = Path.Combine(folder.FullName, "index.html");
        foreach (var pattern in (ReadOnlySpan<string>)["/", "/d/{id}"])
        {
            app.MapMethods(pattern, [HttpMethods.Get, HttpMethods.Head], (HttpContext context) =>
            {
                context.Response.Headers.CacheControl = "no-cache";
                context.Response.Headers.ContentSecurityPolicy = Policy;
                return File.Exists(page)
                    ? Results.File(page, "text/html; charset=utf-8", lastModified: File.GetLastWriteTimeUtc(page))
                    : Results.Text("The web app has not been built; ./cloudsync run builds it. REST is under /api.");
            }).ExcludeFromDescription();
        }
    }
}
