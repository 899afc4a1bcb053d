// Long lists and texts are kept in chunks: beside plain ones, with changes in random places and forks in between.

using CsCheck;
using Xunit;

namespace CloudSync.Operations.Tests.Json;

public sealed class ChunkedListTests
{
    [Fact]
    public void A_chunked_list_is_a_list_and_its_copies_change_apart() =>
        Gen.Int.Sample(
            seed =>
            {
                var random = new Random(seed);
                var owner = new object();
                var (chunked, plain) = (new ChunkedList<int>(), new List<int>());
                var (kept, keptPlain) = (chunked.Copy(), new List<int>());
                for (var i = 0; i < 3_000; i++)
                {
                    var grows = plain.Count == 0 || random.Next(i % 1_000 < 700 ? 5 : 2) > 0;
                    var at = random.Next(4) == 0 ? plain.Count : random.Next(plain.Count + 1);
                    if (grows)
                    {
                        chunked.Insert(at, i, owner);
                        plain.Insert(at, i);
                    }
                    else
                    {
                        at = Math.Min(at, plain.Count - 1);
                        chunked.RemoveAt(at, owner);
                        plain.RemoveAt(at);
                    }

                    if (plain.Count > 0 && random.Next(4) == 0)
                    {
                        at = random.Next(plain.Count);
                        chunked.Set(at, -i, owner);
                        plain[at] = -i;
                    }

                    if (random.Next(500) == 0)
                    {
                        (kept, keptPlain) = (chunked, [.. plain]);
                        owner = new object();
                        chunked = chunked.Copy();
                    }
                }

                Assert.Equal(plain, Items(chunked));
                Assert.Equal(keptPlain, Items(kept));
                Assert.Equal(plain, Enumerable.Range(0, plain.Count).Select(i => chunked[i]));
            },
            iter: 50);

    [Fact]
    public void A_chunked_list_in_order_finds_what_is_there_and_where_the_rest_belongs()
    {
        var list = new ChunkedList<int>();
        for (var i = 0; i < 2_000; i++)
            list.Insert(i, i * 2, null);
        for (var i = 0; i < 2_000; i++)
        {
            Assert.Equal(i, list.BinarySearch(i * 2, static (item, key) => item.CompareTo(key)));
            Assert.Equal(~(i + 1), list.BinarySearch((i * 2) + 1, static (item, key) => item.CompareTo(key)));
        }

        Assert.Equal(~0, list.BinarySearch(-1, static (item, key) => item.CompareTo(key)));
    }

    [Fact]
    public void A_text_in_parts_is_a_text() =>
        Gen.Int.Sample(
            seed =>
            {
                var random = new Random(seed);
                var plain = string.Concat(Enumerable.Range(0, random.Next(3_000)).Select(i => i % 7 == 0 ? "😀" : "aé"));
                var text = new JsonText(plain);
                for (var i = 0; i < 200; i++)
                {
                    var at = Whole(plain, random.Next(plain.Length + 1));
                    var end = Whole(plain, Math.Min(plain.Length, at + random.Next(random.Next(10) == 0 ? 3_000 : 10)));
                    var edit = random.Next(2) == 0
                        ? new TextEdit(at, plain[at..end], IsInsert: false)
                        : new TextEdit(at, random.Next(20) == 0 ? new string('b', random.Next(5_000)) : "中😀", IsInsert: true);
                    text = text.After(edit);
                    plain = edit.IsInsert ? plain.Insert(at, edit.Text) : plain.Remove(at, edit.Text.Length);
                    Assert.Equal(plain.Length, text.Length);
                }

                Assert.Equal(plain, text.ToString());
                Assert.Equal(new JsonText(plain).Bytes, text.Bytes);
                Assert.DoesNotContain(text.Parts.ToArray(), part => part.Length > 0 && char.IsHighSurrogate(part[^1]));
            },
            iter: 100);

    private static int Whole(string text, int at) => at < text.Length && char.IsLowSurrogate(text[at]) ? at - 1 : at;

    private static List<int> Items(ChunkedList<int> list)
    {
        var items = new List<int>();
        foreach (var item in list)
            items.Add(item);
        return items;
    }
}
