// A credential that is renewed while the client is at work.

using CloudSync.Operations;
using CloudSync.Protocol.V1;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace CloudSync.Client.Tests;

public sealed class TokenTests
{
    private const string Id = "doc";

    private readonly FakeTimeProvider _clock = new();
    private readonly FakeServer _server = new();
    private readonly CloudSyncClientOptions _options;
    private CloudSyncClient _client = null!;
    private CollaborativeDocument _document = null!;

    public TokenTests()
    {
        _server.Documents[Id] = new(DocumentType.Text, Delta.FromPlainText("Hello"));
        _options = new() { Token = "one", Clock = _clock, Random = new(1) };
    }

    [Fact]
    public void A_token_is_refreshed_without_reconnecting()
    {
        Open();
        var renewed = Renew("two");
        Assert.False(renewed.IsCompleted);
        _server.Run();
        Assert.True(renewed.IsCompletedSuccessfully);
        Assert.Single(_server.Connections);
        Assert.Equal(["two"], Given());
        Assert.Equal(SyncStateKind.Live, _document.State.Kind);

        _server.Newest.Break();
        ComeBack();
        Assert.Equal(["one", "two"], Said());
    }

    [Theory]
    [InlineData(ErrorCode.TokenInvalid, Retry.Never)]
    [InlineData(ErrorCode.TokenOfAnotherUser, Retry.Never)]
    [InlineData(ErrorCode.TokenNotChecked, Retry.Later)]
    [InlineData(ErrorCode.TooManyTokens, Retry.Later)]
    [InlineData(ErrorCode.UnknownMessage, Retry.Never)]
    public void A_new_token_that_is_refused_changes_nothing(ErrorCode code, Retry retry)
    {
        Open();
        Answer(from => from.QueueError(code, retry));
        var renewed = Renew("bad");
        _document.Submit(Delta.FromPlainText("x"));
        _server.Run();

        var refusal = Assert.IsType<RefusedException>(renewed.Exception!.InnerException).Refusal;
        Assert.Equal(code, refusal.Code);
        // A server that does not know the message says so in words that are of no use to who called.
        Assert.Equal(code == ErrorCode.UnknownMessage, refusal.Message.Contains("too old", StringComparison.Ordinal));
        Assert.Single(_server.Connections);
        Assert.Equal(new SyncState(SyncStateKind.Live), _client.State);
        Assert.Equal("xHello", _server.Documents[Id].Content.ToPlainText());

        _server.Newest.Break();
        ComeBack();
        Assert.Equal(["one", "one"], Said());
    }

    [Fact]
    public void A_token_that_was_given_while_offline_is_said_at_the_next_connection()
    {
        Open();
        _server.Newest.Break();
        var renewed = Renew("two");
        Assert.False(renewed.IsCompleted);
        ComeBack();
        Assert.True(renewed.IsCompletedSuccessfully);
        Assert.Equal(["one", "two"], Said());
        Assert.Empty(Given());
    }

    [Fact]
    public void A_token_whose_answer_was_lost_is_said_at_the_next_connection()
    {
        Open();
        var renewed = Renew("two");
        Assert.Equal(["two"], Given());
        _server.Newest.Break();
        Assert.False(renewed.IsCompleted);
        ComeBack();
        Assert.True(renewed.IsCompletedSuccessfully);
        Assert.Equal(["one", "two"], Said());
    }

    [Fact]
    public void Tokens_are_given_one_after_the_other()
    {
        Open();
        var (first, second) = (Renew("two"), Renew("three"));
        Assert.Equal(["two"], Given());
        _server.Run();
        Assert.True(first.IsCompletedSuccessfully && second.IsCompletedSuccessfully);
        Assert.Equal(["two", "three"], Given());
    }

    [Fact]
    public void A_client_that_was_refused_comes_back_with_a_new_token()
    {
        _server.Instead = (from, message) =>
        {
            if (message.Hello is not { Token: "one" })
                return false;
            from.QueueError(ErrorCode.Unauthorized, Retry.Never);
            return true;
        };
        Open();
        Assert.Equal(SyncStateKind.Refused, _client.State.Kind);
        var stillBad = Renew("one");
        _server.Run();
        Assert.IsType<RefusedException>(stillBad.Exception!.InnerException);
        Assert.Equal(SyncStateKind.Refused, _client.State.Kind);

        var renewed = Renew("two");
        _server.Run();
        Assert.True(renewed.IsCompletedSuccessfully);
        Assert.Equal(SyncStateKind.Live, _document.State.Kind);
    }

    [Fact]
    public void A_provider_is_asked_at_each_connection_and_again_before_its_token_ends()
    {
        var asked = 0;
        _options.TokenProvider = () => Task.FromResult($"token {++asked}");
        _server.TokenValidForMs = 100_000;
        Open();
        Assert.Equal(["token 1"], Said());
        Pass(69);
        Assert.Empty(Given());
        Pass(12);
        Assert.Equal(["token 2"], Given());
        // And so on, with what the server said of that one.
        Pass(69);
        Assert.Single(Given());
        Pass(12);
        Assert.Equal(["token 2", "token 3"], Given());
        Assert.Single(_server.Connections);

        _server.Newest.Break();
        ComeBack();
        Assert.Equal(["token 1", "token 4"], Said());
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_renewal_that_fails_is_tried_again_before_the_token_ends(bool providerFails)
    {
        var asked = 0;
        _options.TokenProvider = () => ++asked == 2 && providerFails
            ? throw new InvalidOperationException("The issuer is away.")
            : Task.FromResult($"token {asked}");
        _server.TokenValidForMs = 100_000;
        Open();
        if (!providerFails)
            Answer(from => from.QueueError(ErrorCode.TokenNotChecked, Retry.Later));
        Pass(81);
        Assert.Equal(2, asked);
        Pass(8);
        Assert.Equal(3, asked);
        Assert.Equal("token 3", Given()[^1]);
        Assert.Equal(SyncStateKind.Live, _client.State.Kind);
    }

    [Fact]
    public void Without_a_token_to_connect_with_the_client_waits_and_tries_again()
    {
        var asked = 0;
        _options.TokenProvider = () => ++asked == 1
            ? Task.FromException<string>(new InvalidOperationException("The issuer is away."))
            : Task.FromResult("here");
        Open();
        Assert.Equal(SyncStateKind.Offline, _client.State.Kind);
        ComeBack();
        Assert.Equal(["here"], Said());
        Assert.Equal(SyncStateKind.Live, _document.State.Kind);
    }

    [Fact]
    public void Nobody_waits_for_a_client_that_was_disposed()
    {
        Open();
        var renewed = Renew("two");
        _client.Dispose();
        Assert.IsType<ObjectDisposedException>(renewed.Exception!.InnerException);
        Assert.Throws<ObjectDisposedException>(() => { _ = Renew("three"); });
    }

    private void Open()
    {
        _client = _server.Client(_options);
        _document = _client.Open(Id);
        _server.Run();
    }

    // Without a token to cancel the wait by, so that the task is done as soon as the server has answered.
    private Task Renew(string token) => _client.RenewTokenAsync(token, CancellationToken.None);

    // Answers the next Authenticate, once.
    private void Answer(Action<FakeTransport> answer) => _server.Instead = (from, message) =>
    {
        if (message.Authenticate is null)
            return false;
        _server.Instead = null;
        answer(from);
        return true;
    };

    private void ComeBack()
    {
        _clock.Advance(TimeSpan.FromSeconds(1));
        _server.Run();
    }

    private void Pass(int seconds)
    {
        for (var i = 0; i < seconds; i++)
            ComeBack();
    }

    private string[] Said() => [.. _server.Connections.SelectMany(connection => connection.Said)
        .Where(said => said.Hello is not null).Select(said => said.Hello.Token)];

    private string[] Given() => [.. _server.Connections.SelectMany(connection => connection.Said)
        .Where(said => said.Authenticate is not null).Select(said => said.Authenticate.Token)];
}
