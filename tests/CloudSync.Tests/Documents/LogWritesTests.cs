// What operators hear of a log that takes no edits: once when it begins, once when it is over, and in between on request.

using CloudSync.Documents;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace CloudSync.Tests.Documents;

public sealed class LogWritesTests
{
    private readonly FakeTimeProvider _time = new();
    private readonly Lines _lines = new();

    [Fact]
    public void However_many_appends_fail_it_is_one_line_and_one_more_when_it_is_over()
    {
        var writes = new LogWrites(2, _lines, _time);
        for (var i = 0; i < 100; i++)
        {
            writes.Begin(i % 2);
            writes.End(i % 2, "The disk is full.");
            Assert.Equal("Edits are not saved just now. The disk is full.", writes.Trouble);
        }

        _time.Advance(TimeSpan.FromSeconds(3));
        writes.Begin(0);
        writes.End(0, null);

        Assert.Null(writes.Trouble);
        Assert.Equal(
            [
                "Edits are not saved just now, and clients keep them: The disk is full.",
                "Edits are saved again, after 100 failed appends in 3.0 s",
            ],
            _lines.Written);
    }

    [Fact]
    public void An_append_that_is_not_answered_is_told_of_before_it_fails()
    {
        var writes = new LogWrites(2, _lines, _time);
        writes.Begin(1);
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.Null(writes.Trouble);
        // What goes through meanwhile doesn't hide it.
        writes.Begin(0);
        writes.End(0, null);
        _time.Advance(TimeSpan.FromSeconds(4));
        Assert.Equal("Edits wait to be saved: the log has not answered for 5 s.", writes.Trouble);
        writes.End(1, null);
        Assert.Null(writes.Trouble);
        Assert.Empty(_lines.Written);
    }

    private sealed class Lines : ILogger
    {
        public List<string> Written { get; } = [];

        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(
            LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            Written.Add(formatter(state, exception));
    }
}
