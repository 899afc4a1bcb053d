// JavaScript's conversion of text to a number, for paths that mix the two.

using System.Globalization;

namespace CloudSync.Operations;

internal static class JavaScriptNumber
{
    /// <summary>JavaScript's Number(text); not a number for null.</summary>
    public static double Parse(string? text)
    {
        if (text == null)
            return double.NaN;
        var digits = text.AsSpan().Trim(" \t\n\v\f\r\u00A0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200A\u2028\u2029\u202F\u205F\u3000\uFEFF");
        if (digits.IsEmpty)
            return 0;
        if (digits is ['0', 'x' or 'X' or 'o' or 'O' or 'b' or 'B', ..])
            return ParseRadix(digits[2..], digits[1] is 'x' or 'X' ? 16 : digits[1] is 'o' or 'O' ? 8 : 2);
        var unsigned = digits[0] is '+' or '-' ? digits[1..] : digits;
        if (unsigned is "Infinity")
            return digits[0] == '-' ? double.NegativeInfinity : double.PositiveInfinity;
        // .NET reads words (NaN) and signs that JavaScript doesn't.
        if (unsigned.IsEmpty || unsigned[0] is not ('.' or (>= '0' and <= '9')))
            return double.NaN;
        const NumberStyles style =
            NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent;
        return double.TryParse(digits, style, CultureInfo.InvariantCulture, out var value) ? value : double.NaN;
    }

    private static double ParseRadix(ReadOnlySpan<char> digits, int radix)
    {
        if (digits.IsEmpty)
            return double.NaN;
        double value = 0;
        foreach (var c in digits)
        {
            var digit = char.IsAsciiHexDigit(c) ? Convert.ToInt32(c.ToString(), 16) : radix;
            if (digit >= radix)
                return double.NaN;
            value = (value * radix) + digit;
        }

        return value;
    }
}
