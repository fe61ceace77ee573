"""exp, log and power as branch-free polynomials that the compiler can vectorise.

The compiler's own ``exp`` and ``log`` are scalar library calls: several nanoseconds an element and no vectors.
These are good to 1 ULP over the whole range (exp, log) and to 2 (power, while the result lies within e^-10 and e^10,
beyond what the model asks for). NaN gives NaN; exp(inf) = inf, exp(-inf) = 0, log(0) = -inf, log of a negative number
is NaN, log(inf) = inf; denormals are handled.
"""

from __future__ import annotations

import numpy as np

from ._jit import fma, inline

_LOG2E = 1.4426950408889634
# ln 2 in two parts, the first with 21 trailing zero bits, so that n * high is exact.
_LN2_HIGH = 0.6931471803691238
_LN2_LOW = 1.9082149292705877e-10
_ROUND = 6755399441055744.0  # 1.5 * 2**52: adding it rounds to an integer kept in the low bits
_ROUND_BITS = 4843621399236968448
_SQRT_HALF_BITS = 4604544271217802189  # bits of sqrt(1/2)


@inline
def exp(x):
    """e to the power x, within 1 ULP.

    Reduced to ``|r| <= ln(2)/2``; the polynomial is a Chebyshev fit of ``(e^r - 1 - r)/r^2`` of degree 9
    (largest relative error 1.1e-16 of a term that is at most 7 % of the result).
    """
    z = 710.0 if x > 710.0 else x
    z = -746.0 if z < -746.0 else z
    t = fma(z, _LOG2E, _ROUND)
    n = t - _ROUND
    r = fma(n, -_LN2_HIGH, z)
    r = fma(n, -_LN2_LOW, r)
    q = 2.5100424157005067e-08
    q = fma(q, r, 2.7620138719733994e-07)
    q = fma(q, r, 2.7557268378684192e-06)
    q = fma(q, r, 2.480152119021773e-05)
    q = fma(q, r, 0.00019841269863105968)
    q = fma(q, r, 0.0013888888917281794)
    q = fma(q, r, 0.008333333333330051)
    q = fma(q, r, 0.04166666666662399)
    q = fma(q, r, 0.16666666666666669)
    q = fma(q, r, 0.5000000000000001)
    p = 1.0 + fma(r * r, q, r)
    # Two factors, so that neither the largest nor the denormal results overflow on the way.
    k = np.float64(t).view(np.int64) - _ROUND_BITS
    half = k >> 1
    first = np.int64((half + 1023) << 52).view(np.float64)
    second = np.int64((k - half + 1023) << 52).view(np.float64)
    return p * first * second


@inline
def _split(x):
    """x = (1 + f) 2^e: e and f, with 1 + f in [sqrt(1/2), sqrt(2))."""
    tiny = x < 2.2250738585072014e-308
    scaled = x * 18014398509481984.0 if tiny else x  # 2**54
    bits = np.float64(scaled).view(np.int64)
    shifted = bits - _SQRT_HALF_BITS
    e_bits = shifted >> 52
    m = np.int64(bits - (e_bits << 52)).view(np.float64)
    # int64 to float without a conversion instruction (AVX2 has none): a small integer in the bits of 1.5 * 2**52.
    e = np.int64(e_bits + _ROUND_BITS).view(np.float64) - _ROUND
    return e - 54.0 if tiny else e, m - 1.0


@inline
def _beyond(s):
    """ln((1 + s)/(1 - s)) less 2s, over s: a Chebyshev fit in s^2 of degree 6."""
    z = s * s
    q = 0.14617807492803847
    q = fma(q, z, 0.15331611694570085)
    q = fma(q, z, 0.18182892433364564)
    q = fma(q, z, 0.22222211089368124)
    q = fma(q, z, 0.2857142862625391)
    q = fma(q, z, 0.3999999999989889)
    q = fma(q, z, 0.666666666666667)
    return q * z


@inline
def log(x):
    """Natural logarithm, within 1 ULP.

    ``x = (1 + f) 2^e``; ``ln(1 + f) = 2 atanh(s)``, ``s = f/(2 + f)``. The leading terms are arranged so that the
    rounding of s enters only through its cube.
    """
    e, f = _split(x)
    s = f / (2.0 + f)
    q = _beyond(s)
    h = 0.5 * f * f
    y = fma(e, _LN2_HIGH, f - (h - fma(s, h + q, e * _LN2_LOW)))
    y = np.float64(x) if x == np.inf else y
    y = np.float64(-np.inf) if x == 0.0 else y
    return y if x >= 0.0 else np.float64(np.nan)


@inline
def power(x, y):
    """x to the power y for x >= 0: within 2 ULP while |y ln x| <= 10, within 1.5 + 0.15 |y ln x| beyond.

    ``exp(y ln x)`` with the logarithm as a sum of two doubles, whose second part is worth as many bits as
    ``y ln x`` would otherwise lose. 0 to a positive power is 0.
    """
    e, f = _split(x)
    s = f / (2.0 + f)
    h = 0.5 * f * f
    high = e * _LN2_HIGH  # exact, and 0 or larger than f
    a = high + f
    rest = f - (a - high)
    b = a - h
    rest += (a - b) - h
    rest += fma(s, h + _beyond(s), e * _LN2_LOW) - fma(0.5 * f, f, -h)
    first = b + rest
    second = rest - (first - b)
    first = np.float64(x) if x == np.inf else first
    first = np.float64(-np.inf) if x == 0.0 else first
    first = first if x >= 0.0 else np.float64(np.nan)
    p = y * first
    result = exp(p)
    more = fma(y, first, -p) + y * second
    # Not a number where ln x is infinite, and then of no account.
    finite = (abs(more) < 1.0) & (result < np.inf)
    corrected = fma(result, more, result)
    return corrected if finite else result


@inline
def log1p(x):
    """ln(1 + x) for x >= 0, to a few ULP of the result however small x is: W. Kahan's correction of ln(fl(1 + x))."""
    u = 1.0 + x
    rounded = u - 1.0
    return log(u) * (x / rounded) if rounded > 0.0 else x
