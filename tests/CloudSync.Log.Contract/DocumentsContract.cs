// Documents as such: created, found, listed, renamed, deleted.

using Xunit;

namespace CloudSync.Log.Contract;

public abstract class DocumentsContract : LogContract
{
    [Fact]
    public async Task A_created_document_is_found_as_it_was_given_at_version_0()
    {
        var createdAt = Start.AddTicks(123_456_789);
        await Log.CreateAsync(new NewDocument("a-B_9", "rich-text", "Notes", createdAt, "grace"), Cancellation);

        var found = await Log.FindAsync("a-B_9", Cancellation);

        // Microseconds: a tick is a tenth of one.
        var stored = createdAt.AddTicks(-(createdAt.Ticks % 10));
        Assert.Equal(new DocumentRecord("a-B_9", "rich-text", "Notes", 0, stored, "grace", stored), found);
    }

    [Fact]
    public async Task Nothing_is_found_of_a_document_that_was_never_created()
    {
        await CreateAsync("other");

        Assert.Null(await Log.FindAsync("none", Cancellation));
        Assert.Empty(await ReadAllAsync("none"));
        Assert.Equal([-1], await Log.ReadHeadsAsync(["none"], Cancellation));
        Assert.Null(await Log.FindVersionAsync("none", Start, Cancellation));
        Assert.Null(await Log.FindSnapshotAsync("none", 10, Cancellation));
        Assert.False(await Log.RenameAsync("none", "x", Cancellation));
        Assert.False(await Log.DeleteAsync("none", Start, Cancellation));
        Assert.Equal(new AppendResult(AppendOutcome.NotFound, 0), await AppendAsync("none", 0, Operation(1)));
    }

    [Fact]
    public async Task An_id_that_is_taken_is_refused_and_the_document_stays_as_it_is()
    {
        await CreateAsync("a", title: "First");

        var refusal = await Assert.ThrowsAsync<DocumentExistsException>(() => CreateAsync("a", title: "Second"));

        Assert.Equal("a", refusal.DocumentId);
        Assert.Equal("First", (await Log.FindAsync("a", Cancellation))!.Title);
    }

    [Fact]
    public async Task Ids_that_differ_in_case_only_are_different_documents()
    {
        await CreateAsync("abc", title: "small");
        await CreateAsync("ABC", title: "large");

        Assert.Equal("small", (await Log.FindAsync("abc", Cancellation))!.Title);
        Assert.Equal("large", (await Log.FindAsync("ABC", Cancellation))!.Title);
        Assert.Null(await Log.FindAsync("Abc", Cancellation));
    }

    [Theory]
    [InlineData("")]
    [InlineData("'; DROP TABLE documents; --")]
    [InlineData("\"quoted\" 100% _under_ \\back\\ ?1 $2 @3 :4")]
    [InlineData("👩‍👩‍👧‍👦 𝒻𝒶𝓃𝒸𝓎 日本語 עברית é\u0301")]
    [InlineData("two\nlines\tand a tab")]
    public async Task Odd_titles_and_users_come_back_as_they_were(string text)
    {
        await Log.CreateAsync(new NewDocument("a", "text", text, Start, text), Cancellation);
        await CreateAsync("b");
        await Log.RenameAsync("b", text, Cancellation);
        await AppendAsync("a", 0, Operation(1) with { Author = text });

        var found = await Log.FindAsync("a", Cancellation);
        Assert.Equal(text, found!.Title);
        Assert.Equal(text, found.CreatedBy);
        Assert.Equal(text, (await Log.FindAsync("b", Cancellation))!.Title);
        Assert.Equal(text, Assert.Single(await ReadAllAsync("a")).Author);
        Assert.Null(await Log.FindAsync(text, Cancellation));
    }

    [Fact]
    public async Task A_title_of_200_characters_outside_the_basic_plane_is_kept_whole()
    {
        var title = string.Concat(Enumerable.Repeat("🎼", 200));
        await CreateAsync("a", title: title);

        Assert.Equal(title, (await Log.FindAsync("a", Cancellation))!.Title);
    }

    [Fact]
    public async Task Renaming_changes_the_title_and_nothing_else()
    {
        await CreateAsync("a");
        await CreateAsync("b");
        await AppendAsync("a", 0, Operation(1, committedAt: Start.AddSeconds(1)));
        var before = await Log.FindAsync("a", Cancellation);

        Assert.True(await Log.RenameAsync("a", "New", Cancellation));

        Assert.Equal(before! with { Title = "New" }, await Log.FindAsync("a", Cancellation));
        Assert.Equal("Title", (await Log.FindAsync("b", Cancellation))!.Title);
    }

    [Fact]
    public async Task The_list_shows_the_most_recently_changed_first()
    {
        await CreateAsync("old", Start);
        await CreateAsync("new", Start.AddMinutes(1));
        await CreateAsync("middle", Start.AddSeconds(1));
        Assert.Equal(["new", "middle", "old"], await ListIdsAsync(10));

        await AppendAsync("old", 0, Operation(1, committedAt: Start.AddMinutes(2)));

        var list = await Log.ListAsync(null, 10, Cancellation);
        Assert.Equal(["old", "new", "middle"], list.Select(record => record.Id));
        Assert.Equal(Start.AddMinutes(2), list[0].ChangedAt);
        Assert.Equal(Start, list[0].CreatedAt);
        Assert.Equal(1, list[0].Head);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(7)]
    [InlineData(1_000)]
    public async Task Pages_of_any_size_show_every_document_once_though_many_changed_at_the_same_moment(int limit)
    {
        // Seven documents at three moments.
        var expected = new List<string>();
        for (var i = 0; i < 7; i++)
        {
            await CreateAsync($"d{i}", Start.AddMicroseconds(i / 3));
            expected.Add($"d{i}");
        }

        expected.Reverse();
        Assert.Equal(expected, await ListIdsAsync(limit));
    }

    [Fact]
    public async Task A_page_after_the_last_document_is_empty_and_so_is_the_list_of_an_empty_log()
    {
        Assert.Empty(await Log.ListAsync(null, 10, Cancellation));
        await CreateAsync("a");
        var last = Assert.Single(await Log.ListAsync(null, 10, Cancellation));

        Assert.Empty(await Log.ListAsync(last.Cursor, 10, Cancellation));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    [InlineData(1_001)]
    public async Task A_page_of_no_size_or_over_the_limit_is_refused(int limit) =>
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => Log.ListAsync(null, limit, Cancellation));

    [Fact]
    public async Task A_deleted_document_is_gone_for_every_method_and_its_neighbour_is_not()
    {
        await CreateAsync("a");
        await CreateAsync("b");
        await FillAsync("a", 3);
        await FillAsync("b", 3);
        await Log.SaveSnapshotAsync("a", 2, new byte[] { 1 }, Cancellation);

        Assert.True(await Log.DeleteAsync("a", Start.AddDays(1), Cancellation));

        Assert.Null(await Log.FindAsync("a", Cancellation));
        Assert.Equal("b", Assert.Single(await Log.ListAsync(null, 10, Cancellation)).Id);
        Assert.Empty(await ReadAllAsync("a"));
        Assert.Equal([-1, 3], await Log.ReadHeadsAsync(["a", "b"], Cancellation));
        Assert.Null(await Log.FindVersionAsync("a", Start.AddDays(2), Cancellation));
        Assert.Null(await Log.FindSnapshotAsync("a", 3, Cancellation));
        Assert.False(await Log.RenameAsync("a", "x", Cancellation));
        Assert.False(await Log.DeleteAsync("a", Start.AddDays(2), Cancellation));
        Assert.Equal(new AppendResult(AppendOutcome.NotFound, 0), await AppendAsync("a", 3, Operation(4)));
        Assert.Equal(3, (await ReadAllAsync("b")).Count);
    }

    [Fact]
    public async Task The_id_of_a_deleted_document_is_never_given_to_another()
    {
        await CreateAsync("a");
        await Log.DeleteAsync("a", Start, Cancellation);

        await Assert.ThrowsAsync<DocumentExistsException>(() => CreateAsync("a"));
        await ReopenAsync();
        await Assert.ThrowsAsync<DocumentExistsException>(() => CreateAsync("a"));
        Assert.Null(await Log.FindAsync("a", Cancellation));
    }

    private async Task<IReadOnlyList<string>> ListIdsAsync(int limit)
    {
        var ids = new List<string>();
        DocumentCursor? after = null;
        while (true)
        {
            var page = await Log.ListAsync(after, limit, Cancellation);
            Assert.True(page.Count <= limit);
            if (page.Count == 0)
                return ids;
            ids.AddRange(page.Select(record => record.Id));
            after = page[^1].Cursor;
        }
    }
}
