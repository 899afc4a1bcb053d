// Refuses options that can't work, at start, each with the name of the setting to change.

using Microsoft.Extensions.Options;

namespace CloudSync;

internal sealed class CloudSyncOptionsValidator : IValidateOptions<CloudSyncOptions>
{
    // Timers can't wait longer, and a timeout of days is a mistake of units anyway.
    private static readonly TimeSpan _longestTime = TimeSpan.FromDays(1);

    public ValidateOptionsResult Validate(string? name, CloudSyncOptions options)
    {
        var failures = new List<string>();
        Time(nameof(options.HeartbeatInterval), options.HeartbeatInterval);
        Time(nameof(options.HeartbeatTimeout), options.HeartbeatTimeout);
        Time(nameof(options.ReceiveTimeout), options.ReceiveTimeout);
        Time(nameof(options.SendTimeout), options.SendTimeout);
        Time(nameof(options.DocumentIdleTimeout), options.DocumentIdleTimeout);
        Time(nameof(options.HeadCheckInterval), options.HeadCheckInterval);
        Time(nameof(options.HeadPollInterval), options.HeadPollInterval);
        Time(nameof(options.PresenceLease), options.PresenceLease);
        Time(nameof(options.ThrottleTimeout), options.ThrottleTimeout);
        if (options.DrainWindow < TimeSpan.Zero || options.DrainWindow > _longestTime)
            failures.Add($"CloudSync:DrainWindow is {options.DrainWindow}; it must be from 0 to {_longestTime}.");
        if (options.ResumeWindow < TimeSpan.Zero || options.ResumeWindow > _longestTime)
            failures.Add($"CloudSync:ResumeWindow is {options.ResumeWindow}; it must be from 0 to {_longestTime}.");
        if (options.HeartbeatInterval >= options.HeartbeatTimeout)
            failures.Add(
                $"CloudSync:HeartbeatInterval ({options.HeartbeatInterval}) must be shorter than "
                + $"CloudSync:HeartbeatTimeout ({options.HeartbeatTimeout}).");
        if (options.GatewayId.Length > 64)
            failures.Add("CloudSync:GatewayId must have at most 64 characters.");

        foreach (var origin in options.AllowedOrigins)
        {
            if (origin != RequestOrigin.Any && !RequestOrigin.TryParse(origin, out _))
                failures.Add($"CloudSync:AllowedOrigins holds '{origin}'; an origin looks like https://app.example.org.");
        }

        Count(nameof(options.SnapshotOperations), options.SnapshotOperations);
        Count(nameof(options.SnapshotBytes), options.SnapshotBytes);
        Count(nameof(options.HistoryPackOperations), options.HistoryPackOperations);
        if (options.HistoryTailOperations < 0)
            failures.Add($"CloudSync:HistoryTailOperations is {options.HistoryTailOperations}; it must be at least 0.");
        var limits = options.Limits;
        Limit(nameof(limits.Connections), limits.Connections);
        Limit(nameof(limits.ConnectionsPerAddress), limits.ConnectionsPerAddress);
        Limit(nameof(limits.ConnectionsPerSecond), limits.ConnectionsPerSecond);
        Limit(nameof(limits.DocumentLoadsPerSecond), limits.DocumentLoadsPerSecond);
        Limit(nameof(limits.ConnectionsPerSecondPerAddress), limits.ConnectionsPerSecondPerAddress);
        Limit(nameof(limits.ConnectionsPerSecondPerUser), limits.ConnectionsPerSecondPerUser);
        Limit(nameof(limits.OpensPerSecondPerAddress), limits.OpensPerSecondPerAddress);
        Limit(nameof(limits.OpensPerSecondPerUser), limits.OpensPerSecondPerUser);
        Limit(nameof(limits.UnknownKeysPerSecondPerAddress), limits.UnknownKeysPerSecondPerAddress);
        Limit(nameof(limits.MessagesPerSecond), limits.MessagesPerSecond);
        Limit(nameof(limits.BytesPerSecond), limits.BytesPerSecond);
        Limit(nameof(limits.TokensPerMinute), limits.TokensPerMinute);
        Limit(nameof(limits.MessageBytes), limits.MessageBytes);
        Limit(nameof(limits.OperationBytes), limits.OperationBytes);
        Limit(nameof(limits.DocumentLength), limits.DocumentLength);
        Limit(nameof(limits.DocumentBytes), limits.DocumentBytes);
        Limit(nameof(limits.DocumentsPerConnection), limits.DocumentsPerConnection);
        Limit(nameof(limits.OpenDocuments), limits.OpenDocuments);
        Limit(nameof(limits.VersionCacheBytes), limits.VersionCacheBytes);
        Limit(nameof(limits.SessionsPerDocument), limits.SessionsPerDocument);
        Limit(nameof(limits.PresenceBytes), limits.PresenceBytes);
        Limit(nameof(limits.PresencePerDocument), limits.PresencePerDocument);
        Limit(nameof(limits.PendingPerSession), limits.PendingPerSession);
        Limit(nameof(limits.PendingPerDocument), limits.PendingPerDocument);
        Limit(nameof(limits.PendingBytesPerDocument), limits.PendingBytesPerDocument);
        // A Submit that holds the largest operation, and its document's id, must fit into one message.
        if (limits.MessageBytes < limits.OperationBytes + 128L)
            failures.Add(
                $"CloudSync:Limits:MessageBytes ({limits.MessageBytes}) must be at least "
                + $"CloudSync:Limits:OperationBytes ({limits.OperationBytes}) + 128.");
        return failures.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(failures);

        void Time(string setting, TimeSpan value)
        {
            if (value <= TimeSpan.Zero || value > _longestTime)
                failures.Add($"CloudSync:{setting} is {value}; it must be more than 0 and at most {_longestTime}.");
        }

        void Count(string setting, int value)
        {
            if (value < 1)
                failures.Add($"CloudSync:{setting} is {value}; it must be at least 1.");
        }

        void Limit(string setting, int value) => Count("Limits:" + setting, value);
    }
}
