// The sample application as a process: what it promises in its first lines, and two clients that write in it.

using System.Net;
using CloudSync.Client;
using CloudSync.Operations;
using Xunit;

namespace CloudSync.Server.Tests.Program;

public sealed class SampleNotesTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("cloudsync-test-");

    [Fact]
    public async Task Two_clients_write_in_one_note_and_see_the_same()
    {
        await using var sample = RunningProgram.Start(
            "SampleNotes",
            [
                "--urls", "http://127.0.0.1:0", "--Notes:File", Path.Combine(_folder.FullName, "notes.db"),
                // Not here, where the settings of the server lie.
                "--contentRoot", _folder.FullName,
            ]);
        var address = new Uri(await sample.ReadAfterAsync("Now listening on: "));
        using var http = new HttpClient { BaseAddress = address };
        Assert.Equal(HttpStatusCode.Created, (await http.PostAsync("/notes/groceries", null)).StatusCode);
        Assert.Equal(HttpStatusCode.Conflict, (await http.PostAsync("/notes/groceries", null)).StatusCode);
        Assert.Equal(HttpStatusCode.NotFound, (await http.GetAsync("/notes/nothing")).StatusCode);

        var endpoint = new UriBuilder(address) { Scheme = "ws", Path = "/sync" }.Uri;
        using var ann = new CloudSyncClient(endpoint);
        using var bob = new CloudSyncClient(endpoint);
        using var anns = await ann.OpenAsync("groceries");
        using var bobs = await bob.OpenAsync("groceries");
        anns.Submit(Delta.Build().Insert("milk\n").ToDelta());
        bobs.Submit(Delta.Build().Insert("bread\n").ToDelta());

        await Task.WhenAll(SeesBothAsync(anns), SeesBothAsync(bobs)).WaitAsync(TimeSpan.FromMinutes(2));
        Assert.Equal(anns.ToPlainText(), bobs.ToPlainText());
        Assert.Equal(anns.ToPlainText(), await http.GetStringAsync("/notes/groceries"));
    }

    private static async Task SeesBothAsync(CollaborativeDocument document)
    {
        var seen = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        document.Changed += _ => Look();
        Look();
        await seen.Task;
        await document.WhenSavedAsync();

        void Look()
        {
            if (document.Length == "milk\nbread\n".Length)
                seen.TrySetResult();
        }
    }

    public void Dispose() => _folder.Delete(recursive: true);
}
