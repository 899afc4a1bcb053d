// A Node process with the published JavaScript libraries: batches of cases in, answers out, a line of JSON each.

using System.Diagnostics;
using System.Text;

namespace CloudSync.Verification;

internal sealed class ReferenceProcess : IDisposable
{
    private readonly Process _node;
    private readonly StringBuilder _errors = new();

    private ReferenceProcess(Process node) => _node = node;

    /// <summary>Starts it.</summary>
    /// <exception cref="InvalidOperationException">Node, or the repository around this program, is missing.</exception>
    public static ReferenceProcess Start()
    {
        var script = Path.Combine(RepositoryRoot(), "tests", "CloudSync.Verification", "Reference", "reference.mjs");
        var utf8 = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false);
        var start = new ProcessStartInfo("node", [script])
        {
            RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true,
            UseShellExecute = false,
            StandardInputEncoding = utf8, StandardOutputEncoding = utf8, StandardErrorEncoding = utf8,
        };
        var node = Process.Start(start) ?? throw new InvalidOperationException("Node can't be started.");
        var reference = new ReferenceProcess(node);
        node.ErrorDataReceived += (_, line) =>
        {
            lock (reference._errors)
                reference._errors.AppendLine(line.Data);
        };
        node.BeginErrorReadLine();
        return reference;
    }

    /// <summary>Sends a batch. Answers come in the same order, and may be waited for elsewhere.</summary>
    public async Task AskAsync(string function, IReadOnlyList<VerifiedCase> cases, CancellationToken stop)
    {
        var input = _node.StandardInput.BaseStream;
        var line = new MemoryStream();
        line.Write(Encoding.UTF8.GetBytes($"{{\"function\":\"{function}\",\"cases\":["));
        for (var i = 0; i < cases.Count; i++)
        {
            if (i > 0)
                line.WriteByte((byte)',');
            line.Write(cases[i].Question.Span);
        }

        line.Write("]}\n"u8);
        try
        {
            await input.WriteAsync(line.GetBuffer().AsMemory(0, (int)line.Length), stop);
            await input.FlushAsync(stop);
        }
        catch (IOException)
        {
            // It has died: the reader of answers says why.
        }
    }

    /// <summary>The answers to the next batch.</summary>
    /// <exception cref="InvalidOperationException">The process has ended; the message has what it wrote.</exception>
    public async Task<string> AnswersAsync(CancellationToken stop)
    {
        if (await _node.StandardOutput.ReadLineAsync(stop) is { } line)
            return line;
        await _node.WaitForExitAsync(stop);
        lock (_errors)
            throw new InvalidOperationException($"The reference in Node has ended: {_errors}");
    }

    public void Dispose()
    {
        if (!_node.HasExited)
            _node.Kill();
        _node.Dispose();
    }

    private static string RepositoryRoot()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder.FullName, "CloudSync.slnx")))
        {
            folder = folder.Parent
                ?? throw new InvalidOperationException("The reference needs the repository that this program was built in.");
        }

        return folder.FullName;
    }
}
