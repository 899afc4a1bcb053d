// Every line the RabbitMQ part writes to the application's log. Event ids 4100–4199.

using Microsoft.Extensions.Logging;

namespace CloudSync.RabbitMq;

internal static partial class RabbitMqLog
{
    [LoggerMessage(4100, LogLevel.Information, "Connected to RabbitMQ at {Address}")]
    public static partial void Connected(this ILogger logger, string address);

    [LoggerMessage(4101, LogLevel.Warning, "The connection to RabbitMQ at {Address} was lost: {Reason}")]
    public static partial void ConnectionLost(this ILogger logger, string address, string reason);

    [LoggerMessage(4102, LogLevel.Warning, "RabbitMQ at {Address} takes no messages until its alarm is over: {Reason}")]
    public static partial void Blocked(this ILogger logger, string address, string reason);

    [LoggerMessage(4103, LogLevel.Information, "RabbitMQ at {Address} takes messages again")]
    public static partial void Unblocked(this ILogger logger, string address);

    [LoggerMessage(4104, LogLevel.Warning, "Subscriber {Subscriber} lost queue {Queue} and comes back: {Reason}")]
    public static partial void SubscriberLost(this ILogger logger, string subscriber, string queue, string reason);

    [LoggerMessage(4105, LogLevel.Warning, "Exchange {Exchange} has no queue for some documents: nobody subscribes to them")]
    public static partial void Unroutable(this ILogger logger, string exchange);

    [LoggerMessage(4106, LogLevel.Error, "A message in queue {Queue} is none of ours and goes to the failed ones")]
    public static partial void ForeignMessage(this ILogger logger, string queue);

    [LoggerMessage(4107, LogLevel.Warning,
        "The new queue {Queue} does not answer, as after a server that was killed; nothing is in it yet, and it is made anew")]
    public static partial void QueueMadeAnew(this ILogger logger, string queue);
}
