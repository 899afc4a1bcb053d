// The contract suite, run against PostgreSQL directly and through PgBouncer.

using CloudSync.Log.Contract;
using Xunit;

namespace CloudSync.PostgreSql.Tests;

public sealed class PostgreSqlDocumentsTests(Servers servers) : DocumentsContract
{
    protected override Task<LogStore> CreateStoreAsync() => PostgreSqlLogStore.CreateAsync(servers, throughBouncer: false);
}

public sealed class PostgreSqlAppendTests(Servers servers) : AppendContract
{
    protected override Task<LogStore> CreateStoreAsync() => PostgreSqlLogStore.CreateAsync(servers, throughBouncer: false);
}

public sealed class PostgreSqlReadTests(Servers servers) : ReadContract
{
    protected override Task<LogStore> CreateStoreAsync() => PostgreSqlLogStore.CreateAsync(servers, throughBouncer: false);
}

public sealed class PostgreSqlConcurrencyTests(Servers servers) : ConcurrencyContract
{
    protected override Task<LogStore> CreateStoreAsync() => PostgreSqlLogStore.CreateAsync(servers, throughBouncer: false);
}

public sealed class PostgreSqlPackTests(Servers servers) : PackContract
{
    protected override Task<LogStore> CreateStoreAsync() => PostgreSqlLogStore.CreateAsync(servers, throughBouncer: false);

    protected override Task DamageSegmentAsync(string documentId) =>
        servers.DamageSegmentAsync(((PostgreSqlLogStore)Store).Database, documentId);
}

public sealed class PostgreSqlHistoryTests(Servers servers) : HistoryContract
{
    protected override Task<LogStore> CreateStoreAsync() => PostgreSqlLogStore.CreateAsync(servers, throughBouncer: false);
}

public sealed class PostgreSqlAuditTests(Servers servers) : AuditContract
{
    protected override Task<LogStore> CreateStoreAsync() => PostgreSqlLogStore.CreateAsync(servers, throughBouncer: false);
}

public sealed class PostgreSqlOutboxTests(Servers servers) : OutboxContract
{
    protected override Task<LogStore> CreateStoreAsync() => PostgreSqlLogStore.CreateAsync(servers, throughBouncer: false);
}

public sealed class PostgreSqlLargeLogTests(Servers servers) : LargeLogContract
{
    protected override int Operations => 100_000;

    protected override Task<LogStore> CreateStoreAsync() => PostgreSqlLogStore.CreateAsync(servers, throughBouncer: false);

    // QueryPlanTests shows that no statement scans a table.
    protected override Task CheckLookUpsAsync(string documentId) => Task.CompletedTask;
}

public sealed class PgBouncerDocumentsTests(Servers servers) : DocumentsContract
{
    protected override Task<LogStore> CreateStoreAsync() => PostgreSqlLogStore.CreateAsync(servers, throughBouncer: true);
}

public sealed class PgBouncerAppendTests(Servers servers) : AppendContract
{
    protected override Task<LogStore> CreateStoreAsync() => PostgreSqlLogStore.CreateAsync(servers, throughBouncer: true);
}

public sealed class PgBouncerReadTests(Servers servers) : ReadContract
{
    protected override Task<LogStore> CreateStoreAsync() => PostgreSqlLogStore.CreateAsync(servers, throughBouncer: true);
}

public sealed class PgBouncerConcurrencyTests(Servers servers) : ConcurrencyContract
{
    protected override Task<LogStore> CreateStoreAsync() => PostgreSqlLogStore.CreateAsync(servers, throughBouncer: true);
}

public sealed class PgBouncerPackTests(Servers servers) : PackContract
{
    protected override Task<LogStore> CreateStoreAsync() => PostgreSqlLogStore.CreateAsync(servers, throughBouncer: true);

    protected override Task DamageSegmentAsync(string documentId) =>
        servers.DamageSegmentAsync(((PostgreSqlLogStore)Store).Database, documentId);
}

public sealed class PgBouncerHistoryTests(Servers servers) : HistoryContract
{
    protected override Task<LogStore> CreateStoreAsync() => PostgreSqlLogStore.CreateAsync(servers, throughBouncer: true);
}

public sealed class PgBouncerAuditTests(Servers servers) : AuditContract
{
    protected override Task<LogStore> CreateStoreAsync() => PostgreSqlLogStore.CreateAsync(servers, throughBouncer: true);
}

public sealed class PgBouncerOutboxTests(Servers servers) : OutboxContract
{
    protected override Task<LogStore> CreateStoreAsync() => PostgreSqlLogStore.CreateAsync(servers, throughBouncer: true);
}
