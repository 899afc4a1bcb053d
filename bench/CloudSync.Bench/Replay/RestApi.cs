// What the replay needs of a server's REST interface (docs/rest.md).

using System.Net.Http.Json;
using System.Text.Json;
using CloudSync.Operations;

namespace CloudSync.Bench.Replay;

internal sealed class RestApi(Uri server) : IDisposable
{
    private readonly HttpClient _http = new() { BaseAddress = server };

    /// <returns>The id of the new document.</returns>
    public async Task<string> CreateAsync(string title, CancellationToken stop)
    {
        using var response = await _http.PostAsJsonAsync("api/documents", new { type = "text", title }, stop);
        var answer = await ReadAsync(response, stop);
        return answer.GetProperty("id").GetString()!;
    }

    public async Task<(long Version, string Text)> SnapshotAsync(string documentId, CancellationToken stop)
    {
        using var response = await _http.GetAsync($"api/documents/{documentId}/snapshot", stop);
        var answer = await ReadAsync(response, stop);
        return (answer.GetProperty("version").GetInt64(),
            Delta.ParseJson(answer.GetProperty("content").GetRawText()).ToPlainText());
    }

    public void Dispose() => _http.Dispose();

    private static async Task<JsonElement> ReadAsync(HttpResponseMessage response, CancellationToken stop)
    {
        if (!response.IsSuccessStatusCode)
        {
            throw new HttpRequestException(
                $"{response.RequestMessage!.RequestUri} answered {(int)response.StatusCode}: "
                + await response.Content.ReadAsStringAsync(stop));
        }

        return await response.Content.ReadFromJsonAsync<JsonElement>(stop);
    }
}
