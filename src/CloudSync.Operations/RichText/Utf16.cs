// From .NET's strings to the UTF-8 of operations.

using System.Text;

namespace CloudSync.Operations;

internal static class Utf16
{
    private static readonly UTF8Encoding _strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <exception cref="OperationException">The text holds half a surrogate pair.</exception>
    public static byte[] ToUtf8(string text, string what)
    {
        try
        {
            return _strict.GetBytes(text);
        }
        catch (EncoderFallbackException)
        {
            throw new OperationException(OperationError.Malformed, $"{what} holds half a surrogate pair.");
        }
    }
}
