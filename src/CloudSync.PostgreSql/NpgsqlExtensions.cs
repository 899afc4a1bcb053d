// A command with its values in the order of their places.

using Npgsql;

namespace CloudSync.PostgreSql;

internal static class NpgsqlExtensions
{
    public static NpgsqlCommand Command(this NpgsqlConnection connection, string sql, params ReadOnlySpan<object> values)
    {
        var command = new NpgsqlCommand(sql, connection);
        foreach (var value in values)
            command.Parameters.Add(new NpgsqlParameter { Value = value });
        return command;
    }
}
