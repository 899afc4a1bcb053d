// Answers of HTTP/1.1, in whatever parts they come.

using System.Text;
using CloudSync.Bench.Generator;
using Xunit;

namespace CloudSync.Bench.Tests;

public sealed class HttpAnswersTests
{
    private const string Several =
        "HTTP/1.1 204 No Content\r\nDate: now\r\n\r\n"
        + "HTTP/1.1 201 Created\r\nContent-Type: application/json\r\ntransfer-encoding: chunked\r\n\r\n5\r\n{\"key\r\n1A\r\n\":\"0123456789abcdef01234\"}\r\n0\r\n\r\n"
        + "HTTP/1.1 503 Service Unavailable\r\nCloudSync-Retry-After-Ms: 1234\r\nRetry-After: 2\r\nContent-Length: 3\r\n\r\nno!"
        + "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";

    [Fact]
    public void Several_answers_are_read_alike_in_parts_of_any_size()
    {
        string[] expected =
        [
            "204 ", "", "201 ", "{\"key\":\"0123456789abcdef01234\"}", "503 00:00:01.2340000", "no!", "404 ", "",
        ];
        for (var size = 1; size <= Several.Length; size++)
            Assert.Equal(expected, Read(Several, size));
    }

    [Theory]
    [InlineData("HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\n\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabcd")]
    public void What_is_no_answer_on_a_connection_that_is_kept_is_said_to_be_none(string text) =>
        Assert.Equal("broken", Read(text, text.Length)[^1]);

    // The status and when to come back, and the body, of each answer.
    private static List<string> Read(string text, int size)
    {
        var answers = new HttpAnswers();
        var seen = new List<string>();
        var rest = new List<byte>();
        foreach (var part in Encoding.ASCII.GetBytes(text).Chunk(size))
        {
            rest.AddRange(part);
            while (true)
            {
                var kind = answers.Read(rest.ToArray(), out var taken, out var body);
                var bytes = Encoding.ASCII.GetString(body);
                rest.RemoveRange(0, taken);
                if (kind == HttpPart.None)
                    break;
                if (kind == HttpPart.Broken)
                    return [.. seen, "broken"];
                if (kind == HttpPart.Head)
                    seen.AddRange([$"{answers.Status} {answers.RetryAfter}", ""]);
                else
                    seen[^1] += bytes;
            }
        }

        return seen;
    }
}
