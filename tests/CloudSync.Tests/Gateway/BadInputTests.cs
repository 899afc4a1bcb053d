// Everything a client can do wrong: each has its named error or its close code, changes nothing, and nobody else notices.

using System.Net.WebSockets;
using System.Text;
using CloudSync.Protocol.V1;
using Google.Protobuf;
using Microsoft.AspNetCore.Builder;
using Xunit;

namespace CloudSync.Tests.Gateway;

public sealed class BadInputTests
{
    // Ends the connection, whatever is sent first.
    private static readonly Dictionary<string, (byte[] Bytes, ErrorCode Error, int Close)> Fatal = new()
    {
        ["not protobuf"] = ([0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF], ErrorCode.MalformedFrame, 4100),
        ["a message cut short"] = ([0x0A, 0x05, 0x0A], ErrorCode.MalformedFrame, 4100),
        ["a group"] = ([0x0B, 0x0C], ErrorCode.MalformedFrame, 4100),
        ["two bodies in one message"] =
            ([0x0A, 0x04, 0x12, 0x00, 0x12, 0x00], ErrorCode.MalformedFrame, 4100),
        ["a Submit cut short"] = ([0x0A, 0x04, 0x2A, 0x02, 0x0A, 0x05], ErrorCode.MalformedFrame, 4100),
        ["an Open whose inside is cut short"] = ([0x0A, 0x04, 0x1A, 0x02, 0x0A, 0x05], ErrorCode.MalformedFrame, 4100),
        ["a document id that is not UTF-8"] =
            ([0x0A, 0x05, 0x2A, 0x03, 0x0A, 0x01, 0xFF], ErrorCode.MalformedFrame, 4100),
        ["an Authenticate cut short"] = ([0x0A, 0x04, 0x3A, 0x02, 0x0A, 0x05], ErrorCode.MalformedFrame, 4100),
        ["Hello again"] = (Messages.Frame(Messages.Hello()).ToByteArray(), ErrorCode.HelloInvalid, 4105),
    };

    private static readonly Dictionary<string, (ClientMessage Message, ErrorCode Error, int Close)> FirstMessages = new()
    {
        ["a Ping"] = (Messages.Ping, ErrorCode.HelloExpected, 4104),
        ["an Open"] = (Messages.Open("doc"), ErrorCode.HelloExpected, 4104),
        ["a Submit"] = (Messages.Submit("doc"), ErrorCode.HelloExpected, 4104),
        ["an Authenticate"] = (Messages.Authenticate("token"), ErrorCode.HelloExpected, 4104),
        ["nothing known"] = (new ClientMessage(), ErrorCode.HelloExpected, 4104),
        ["version 0"] = (Messages.Hello(version: 0), ErrorCode.UnsupportedProtocolVersion, 4103),
        ["version 2"] = (Messages.Hello(version: 2), ErrorCode.UnsupportedProtocolVersion, 4103),
        ["client 0"] = (Messages.Hello(clientId: 0), ErrorCode.HelloInvalid, 4105),
        ["a name of 129 characters"] = (Messages.Hello(name: new string('x', 129)), ErrorCode.HelloInvalid, 4105),
    };

    public static TheoryData<string> FatalNames => [.. Fatal.Keys];

    public static TheoryData<string> FirstMessageNames => [.. FirstMessages.Keys];

    [Theory]
    [MemberData(nameof(FatalNames))]
    public async Task A_frame_that_makes_no_sense_is_named_and_closes_this_connection_alone(string name)
    {
        var (bytes, error, close) = Fatal[name];
        await using var host = await GatewayHost.StartAsync();
        await using var neighbour = await host.GreetAsync(2);
        await using var client = await host.GreetAsync();
        // What stands before it in the same frame is not done either.
        await client.SendBytesAsync((byte[])[.. Messages.Frame(Messages.Open("doc")).ToByteArray(), .. bytes]);
        if (close == 4100)
            Assert.Empty(host.Documents.Open);
        Assert.Equal(error, (await client.ReceiveAsync(ServerMessage.BodyOneofCase.Error)).Error.Code);
        Assert.Equal(close, await client.ReceiveCloseAsync());
        await neighbour.PingAsync();
    }

    [Theory]
    [MemberData(nameof(FirstMessageNames))]
    public async Task A_first_message_that_is_no_proper_hello_is_named_and_closes(string name)
    {
        var (message, error, close) = FirstMessages[name];
        await using var host = await GatewayHost.StartAsync();
        await using var client = await host.ConnectAsync();
        await client.SendAsync(message, Messages.Open("doc"));
        Assert.Equal(error, (await client.ReceiveAsync()).Error.Code);
        Assert.Equal(close, await client.ReceiveCloseAsync());
        Assert.Empty(host.Documents.Open);
    }

    [Fact]
    public async Task A_document_that_has_something_to_say_does_not_hold_up_a_close()
    {
        await using var host = await GatewayHost.StartAsync();
        await using var client = await host.GreetAsync();
        await client.SendAsync(Messages.Open("doc"));
        var session = await host.Documents.NextSessionAsync();
        await client.ReceiveAsync(ServerMessage.BodyOneofCase.Opened);
        // It is woken while the close is on its way out, and from then on is read no more.
        session.Reading = () => session.Wake();
        session.Commit();
        await client.SendAsync(Messages.Hello());
        Assert.Equal(4105, await client.ReceiveCloseAsync());
    }

    [Fact]
    public async Task A_text_message_is_named_and_closes()
    {
        await using var host = await GatewayHost.StartAsync();
        await using var client = await host.GreetAsync();
        await client.SendBytesAsync(Encoding.UTF8.GetBytes("{\"open\":\"doc\"}"), WebSocketMessageType.Text);
        Assert.Equal(ErrorCode.MalformedFrame, (await client.ReceiveAsync()).Error.Code);
        Assert.Equal(4101, await client.ReceiveCloseAsync());
    }

    [Fact]
    public async Task A_message_over_the_limit_is_named_with_the_limit_and_closes_before_it_is_whole()
    {
        await using var host = await GatewayHost.StartAsync(options =>
        {
            options.Limits.OperationBytes = 1000;
            options.Limits.MessageBytes = 5000;
        });
        await using var client = await host.GreetAsync();
        await client.SendBytesAsync(new byte[5001], end: false);
        var error = (await client.ReceiveAsync()).Error;
        Assert.Equal((ErrorCode.MessageTooLarge, "MessageBytes", 5000ul), (error.Code, error.Limit, error.LimitValue));
        Assert.Equal(4102, await client.ReceiveCloseAsync());
    }

    [Fact]
    public async Task A_message_of_just_the_limit_is_taken()
    {
        await using var host = await GatewayHost.StartAsync(options =>
        {
            options.Limits.OperationBytes = 4900;
            options.Limits.MessageBytes = 5100;
        });
        await using var client = await host.GreetAsync();
        await client.SendAsync(Messages.Open("doc"));
        var session = await host.Documents.NextSessionAsync();
        var operation = 5100 - Messages.Frame(Messages.Submit("doc", 1, 1, new byte[5000])).CalculateSize() + 5000;
        var frame = Messages.Frame(Messages.Submit("doc", 1, 1, new byte[operation])).ToByteArray();
        Assert.Equal(5100, frame.Length);
        await client.SendBytesAsync(frame);
        Assert.Equal(operation, (await session.NextSubmitAsync()).Operation.Length);
    }

    [Fact]
    public async Task An_unknown_message_is_named_left_out_and_the_others_are_done()
    {
        await using var host = await GatewayHost.StartAsync();
        await using var client = await host.GreetAsync();
        // Field 15 of ClientMessage, from a later version; then one without any body.
        await client.SendBytesAsync((byte[])[0x0A, 0x02, 0x7A, 0x00, 0x0A, 0x00, .. Messages.Frame(Messages.Ping).ToByteArray()]);
        Assert.Equal(ErrorCode.UnknownMessage, (await client.ReceiveAsync()).Error.Code);
        Assert.Equal(ErrorCode.UnknownMessage, (await client.ReceiveAsync()).Error.Code);
        Assert.NotNull((await client.ReceiveAsync()).Pong);
    }

    [Fact]
    public async Task Unknown_fields_are_passed_over()
    {
        await using var host = await GatewayHost.StartAsync();
        await using var client = await host.GreetAsync();
        // A frame with a field 2, a Ping with a field 3 inside.
        await client.SendBytesAsync(new byte[] { 0x10, 0x07, 0x0A, 0x04, 0x12, 0x02, 0x18, 0x01 });
        Assert.NotNull((await client.ReceiveAsync()).Pong);
    }

    [Theory]
    [InlineData("", ErrorCode.InvalidDocumentId)]
    [InlineData("a/b", ErrorCode.InvalidDocumentId)]
    [InlineData("dökument", ErrorCode.InvalidDocumentId)]
    [InlineData("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", ErrorCode.InvalidDocumentId)]
    [InlineData("never-opened", ErrorCode.DocumentNotOpen)]
    public async Task What_is_said_of_a_document_that_is_not_open_is_named(string documentId, ErrorCode code)
    {
        await using var host = await GatewayHost.StartAsync();
        await using var client = await host.GreetAsync();
        await client.SendAsync(Messages.Submit(documentId, 0, 9), Messages.SetPresence(documentId));
        var submit = (await client.ReceiveAsync()).Error;
        Assert.Equal((code, 9ul), (submit.Code, submit.ClientSeq));
        Assert.Equal(code, (await client.ReceiveAsync()).Error.Code);
        if (code == ErrorCode.InvalidDocumentId)
        {
            await client.SendAsync(Messages.Open(documentId));
            Assert.Equal(code, (await client.ReceiveAsync()).Error.Code);
        }

        await client.PingAsync();
    }

    [Fact]
    public async Task A_document_that_is_open_can_not_be_opened_again()
    {
        await using var host = await GatewayHost.StartAsync();
        await using var client = await host.GreetAsync();
        await client.SendAsync(Messages.Open("doc"), Messages.Open("doc"));
        var error = (await client.ReceiveAsync(ServerMessage.BodyOneofCase.Error)).Error;
        Assert.Equal((ErrorCode.DocumentAlreadyOpen, "doc"), (error.Code, error.DocumentId));
        Assert.Single(host.Documents.Open);
    }

    [Fact]
    public async Task Versions_that_no_document_can_have_are_named()
    {
        await using var host = await GatewayHost.StartAsync();
        await using var client = await host.GreetAsync();
        await client.SendAsync(Messages.Open("doc", fromVersion: ulong.MaxValue));
        Assert.Equal(ErrorCode.VersionUnknown, (await client.ReceiveAsync()).Error.Code);
        await client.SendAsync(Messages.Open("doc"));
        await client.ReceiveAsync(ServerMessage.BodyOneofCase.Opened);
        await client.SendAsync(Messages.Submit("doc", ulong.MaxValue, 4));
        var error = (await client.ReceiveAsync()).Error;
        Assert.Equal((ErrorCode.VersionUnknown, 4ul), (error.Code, error.ClientSeq));
    }

    [Fact]
    public async Task A_rejected_open_is_named_and_leaves_nothing_behind_on_the_connection()
    {
        await using var host = await GatewayHost.StartAsync();
        host.Documents.Opening = (id, _) => id == "none"
            ? throw new CloudSync.Documents.RefusedException(new(ErrorCode.DocumentNotFound, "There is none."))
            : Task.CompletedTask;
        await using var client = await host.GreetAsync();
        for (var i = 0; i < 3; i++)
        {
            await client.SendAsync(Messages.Open("none"), Messages.Submit("none"));
            var open = (await client.ReceiveAsync()).Error;
            Assert.Equal((ErrorCode.DocumentNotFound, "none", Retry.Never), (open.Code, open.DocumentId, open.Retry));
            Assert.Equal(ErrorCode.DocumentNotOpen, (await client.ReceiveAsync()).Error.Code);
        }
    }

    [Fact]
    public async Task An_open_that_breaks_is_internal_and_hurts_nobody()
    {
        await using var host = await GatewayHost.StartAsync();
        host.Documents.Opening = (id, _) => id == "bad" ? throw new InvalidOperationException("broken") : Task.CompletedTask;
        await using var client = await host.GreetAsync();
        await client.SendAsync(Messages.Open("bad"), Messages.Open("good"));
        var error = (await client.ReceiveAsync(ServerMessage.BodyOneofCase.Error)).Error;
        Assert.Equal((ErrorCode.Internal, Retry.Later), (error.Code, error.Retry));
        Assert.DoesNotContain("broken", error.Message, StringComparison.Ordinal);
        await client.PingAsync();
        Assert.Equal("good", Assert.Single(host.Documents.Open.Keys).DocumentId);
    }

    [Fact]
    public async Task A_session_that_breaks_is_closed_and_the_others_go_on()
    {
        await using var host = await GatewayHost.StartAsync();
        await using var client = await host.GreetAsync();
        await client.SendAsync(Messages.Open("bad"));
        var bad = await host.Documents.NextSessionAsync();
        await client.SendAsync(Messages.Open("good"));
        var good = await host.Documents.NextSessionAsync();
        await client.ReceiveAsync(ServerMessage.BodyOneofCase.Opened);
        await client.ReceiveAsync(ServerMessage.BodyOneofCase.Opened);
        bad.Reading = () => throw new InvalidOperationException("broken");
        bad.Commit();
        var closed = (await client.ReceiveAsync()).Closed;
        Assert.Equal(("bad", ClosedReason.Reopen), (closed.DocumentId, closed.Reason));
        await bad.DisposedAsync();
        good.Commit();
        Assert.Equal("good", (await client.ReceiveAsync()).Committed.DocumentId);
    }

    [Fact]
    public async Task Presence_under_a_name_too_long_is_named_and_not_shown()
    {
        await using var host = await GatewayHost.StartAsync();
        await using var client = await host.GreetAsync();
        await client.SendAsync(Messages.Open("doc"), Messages.SetPresence("doc", new User { Name = new string('x', 129) }));
        Assert.Equal(
            ErrorCode.PresenceInvalid, (await client.ReceiveAsync(ServerMessage.BodyOneofCase.Error)).Error.Code);
        Assert.Empty((await host.Documents.NextSessionAsync()).Presences);
    }

    [Fact]
    public async Task Ten_thousand_opens_are_answered_one_by_one_a_few_at_a_time_and_neighbours_go_on()
    {
        await using var host = await GatewayHost.StartAsync(options => options.Limits.DocumentsPerConnection = 100);
        var gate = new TaskCompletionSource();
        host.Documents.Opening = async (id, _) =>
        {
            if (id.StartsWith("flood", StringComparison.Ordinal))
                await gate.Task;
        };
        await using var neighbour = await host.GreetAsync(2);
        await using var client = await host.GreetAsync();
        var opens = Enumerable.Range(0, 10_000).Select(i => Messages.Open($"flood-{i}")).ToArray();
        var sending = client.SendAsync(opens);
        // While they hang, a neighbour opens, edits and hears.
        await neighbour.SendAsync(Messages.Open("quiet"));
        var quiet = await host.Documents.NextSessionAsync();
        quiet.Commit();
        await neighbour.ReceiveAsync(ServerMessage.BodyOneofCase.Committed);
        gate.SetResult();
        int opened = 0, refused = 0;
        for (var i = 0; i < 10_000; i++)
        {
            var message = await client.ReceiveAsync();
            if (message.Opened is not null)
                opened++;
            else if (message.Error is { Code: ErrorCode.TooManyDocuments, Limit: "DocumentsPerConnection", LimitValue: 100 })
                refused++;
        }

        await sending;
        Assert.Equal((100, 9_900), (opened, refused));
        Assert.InRange(host.Documents.OpeningMost, 1, 9);
        await client.PingAsync();
        await neighbour.PingAsync();
    }

    [Fact]
    public async Task One_connection_too_many_is_named_and_may_come_back()
    {
        await using var host = await GatewayHost.StartAsync(options => options.Limits.Connections = 2);
        await using var first = await host.GreetAsync(1);
        await using (var second = await host.GreetAsync(2))
        {
            await using var third = await host.ConnectAsync();
            var error = (await third.ReceiveAsync()).Error;
            Assert.Equal(
                (ErrorCode.TooManyConnections, Retry.Later, "Connections", 2ul),
                (error.Code, error.Retry, error.Limit, error.LimitValue));
            Assert.Equal(4001, await third.ReceiveCloseAsync());
            await second.PingAsync();
            await second.CloseAsync();
        }

        // The second's place is free as soon as the gateway has seen the end of it.
        while (true)
        {
            await using var again = await host.ConnectAsync();
            await again.SendAsync(Messages.Hello(4));
            if ((await again.ReceiveAsync()).Welcome is not null)
                return;
        }
    }

    [Fact]
    public async Task One_connection_too_many_from_an_address_is_named()
    {
        await using var host = await GatewayHost.StartAsync(options => options.Limits.ConnectionsPerAddress = 1);
        await using var first = await host.GreetAsync(1);
        await using var second = await host.ConnectAsync();
        Assert.Equal("ConnectionsPerAddress", (await second.ReceiveAsync()).Error.Limit);
        Assert.Equal(4001, await second.ReceiveCloseAsync());
    }

    [Fact]
    public async Task An_ordinary_request_is_told_that_this_is_a_websocket()
    {
        await using var host = await GatewayHost.StartAsync();
        using var http = new HttpClient();
        var response = await http.GetAsync(new Uri($"http://{host.EndPoint}/sync"), TestContext.Current.CancellationToken);
        Assert.Equal(426, (int)response.StatusCode);
    }
}
