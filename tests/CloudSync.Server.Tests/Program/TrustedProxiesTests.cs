// Whose word about a client's address counts.

using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Xunit;

namespace CloudSync.Server.Tests.Program;

public sealed class TrustedProxiesTests
{
    [Theory]
    [InlineData("127.0.0.0/8", "203.0.113.7", "https")]
    [InlineData("127.0.0.1", "203.0.113.7", "https")]
    [InlineData("10.0.0.0/8", "127.0.0.1", "http")]
    [InlineData("", "127.0.0.1", "http")]
    public async Task What_a_proxy_says_of_a_client_counts_only_from_those_that_are_trusted(string trusted, string address, string scheme)
    {
        await using var server = await LiveServer.StartAsync(
            trusted.Length > 0 ? [("CloudSync:TrustedProxies:0", trusted)] : []);
        server.App.MapGet("/who", static (HttpContext context) =>
            $"{context.Connection.RemoteIpAddress!.MapToIPv4()} {context.Request.Scheme} {context.Request.Host.Host}");
        using var request = new HttpRequestMessage(HttpMethod.Get, $"http://127.0.0.1:{server.Http.BaseAddress!.Port}/who");
        request.Headers.Host = "localhost";
        request.Headers.Add("X-Forwarded-For", "198.51.100.1, 203.0.113.7");
        request.Headers.Add("X-Forwarded-Proto", "https");
        request.Headers.Add("X-Forwarded-Host", "evil.example");

        using var response = await server.Http.SendAsync(request);

        Assert.Equal($"{address} {scheme} localhost", await response.Content.ReadAsStringAsync());
    }
}
