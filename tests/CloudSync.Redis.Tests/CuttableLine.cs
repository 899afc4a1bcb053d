// A TCP line to a server that a test can cut and mend: how one gateway loses a Redis that the others still reach.

using System.Net;
using System.Net.Sockets;

namespace CloudSync.Redis.Tests;

internal sealed class CuttableLine : IDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly List<TcpClient> _ends = [];
    private bool _cut;

    public CuttableLine(int port)
    {
        Port = port;
        _listener.Start();
        _ = AcceptAsync();
    }

    /// <summary>Where it leads to, for those who connect from now on.</summary>
    public int Port { get; set; }

    public string ConnectionString => $"127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}";

    public void Cut()
    {
        lock (_ends)
        {
            _cut = true;
            foreach (var end in _ends)
                end.Dispose();
            _ends.Clear();
        }
    }

    public void Mend()
    {
        lock (_ends)
            _cut = false;
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
                _ = CarryAsync(await _listener.AcceptTcpClientAsync());
        }
        catch (Exception exception) when (exception is SocketException or ObjectDisposedException)
        {
        }
    }

    private async Task CarryAsync(TcpClient near)
    {
        var far = new TcpClient();
        lock (_ends)
        {
            if (_cut)
            {
                near.Dispose();
                far.Dispose();
                return;
            }

            _ends.AddRange([near, far]);
        }

        try
        {
            await far.ConnectAsync(IPAddress.Loopback, Port);
            await Task.WhenAny(
                near.GetStream().CopyToAsync(far.GetStream()), far.GetStream().CopyToAsync(near.GetStream()));
        }
        catch (Exception exception) when (exception is SocketException or IOException or ObjectDisposedException)
        {
        }

        near.Dispose();
        far.Dispose();
    }

    public void Dispose()
    {
        Cut();
        _listener.Dispose();
    }
}
