// The web app's files: which address is which, and how long they may be cached.

using System.Net;
using Xunit;

namespace CloudSync.Server.Tests;

public sealed class WebAppTests
{
    [Fact]
    public async Task Its_page_is_at_the_root_and_at_each_document_and_its_assets_may_be_cached_for_ever()
    {
        await using var server = new LiveServer();
        File.WriteAllText(Path.Combine(server.Web.FullName, "index.html"), "<p>page</p>");
        server.Web.CreateSubdirectory("assets");
        File.WriteAllText(Path.Combine(server.Web.FullName, "assets", "app-1234.js"), "app()");
        await server.InitializeAsync();

        foreach (var path in new[] { "/", "/d/some-document" })
        {
            var page = await server.Http.GetAsync(path);
            Assert.Equal("<p>page</p>", await page.Content.ReadAsStringAsync());
            Assert.Equal("text/html", page.Content.Headers.ContentType?.MediaType);
            Assert.True(page.Headers.CacheControl?.NoCache);
            Assert.Contains("default-src 'self'", page.Headers.GetValues("Content-Security-Policy").Single());
            using var head = await server.Http.SendAsync(new HttpRequestMessage(HttpMethod.Head, path));
            Assert.Equal(HttpStatusCode.OK, head.StatusCode);
        }

        var asset = await server.Http.GetAsync("/assets/app-1234.js");
        Assert.Equal("app()", await asset.Content.ReadAsStringAsync());
        Assert.Contains("immutable", asset.Headers.CacheControl?.ToString());
        Assert.Equal(HttpStatusCode.NotFound, (await server.Http.GetAsync("/assets/app-5678.js")).StatusCode);
        Assert.Equal(HttpStatusCode.NotFound, (await server.Http.GetAsync("/d/a/b")).StatusCode);
        Assert.Equal(HttpStatusCode.NotFound, (await server.Http.GetAsync("/../data/cloudsync.db")).StatusCode);
    }

    [Fact]
    public async Task Where_it_has_not_been_built_the_page_says_so()
    {
        await using var server = new LiveServer();
        await server.InitializeAsync();
        Assert.Contains("has not been built", await server.Http.GetStringAsync("/"));
    }
}
