// An application of one's own with CloudSync in it: notes that many people write at once, with clients of CloudSync at
// /sync, and two routes of the application that use the documents from the inside.
//
//   dotnet run --project samples/SampleNotes
//   curl -X POST http://localhost:5000/notes/groceries
//   curl http://localhost:5000/notes/groceries

using CloudSync.Documents;
using CloudSync.Log;

var builder = WebApplication.CreateBuilder(args);

// Documents, presence and the gateway, with their log in one file.
builder.Services.AddCloudSync().UseSqlite(builder.Configuration["Notes:File"] ?? "notes.db");

var app = builder.Build();

// Where clients connect: new CloudSyncClient(new Uri("ws://localhost:5000/sync")).
app.MapCloudSync("/sync");

app.MapPost("/notes/{id}", async (string id, DocumentService documents, CancellationToken cancellationToken) =>
{
    try
    {
        var note = await documents.CreateAsync(id, "text", title: id, author: "", content: default, cancellationToken);
        return Results.Created($"/notes/{note.Id}", note.Title);
    }
    catch (DocumentExistsException exception)
    {
        return Results.Conflict(exception.Message);
    }
    catch (RefusedException exception)
    {
        return Results.BadRequest(exception.Message);
    }
});

app.MapGet("/notes/{id}", async (string id, DocumentService documents, CancellationToken cancellationToken) =>
{
    try
    {
        var note = await documents.ReadAsync(id, version: null, cancellationToken);
        return Results.Text(note.ToDelta().ToPlainText());
    }
    catch (RefusedException exception)
    {
        return Results.NotFound(exception.Message);
    }
});

app.Run();
