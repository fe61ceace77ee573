"""Numbers and quantities as people write them: a strict number grammar, and units by name.

``"6500 GB/s"``, ``"25 %"`` and ``"1.5 GUSD"`` become plain floats in the unit that the contract declares.
The unit registry is our own, small and closed, so that no unit can be read by accident (the common
``Gb/s``, say, is a mistake here and not a giga-something per second).
"""

from __future__ import annotations

import math
import re
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

from tiercap.optimizer.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Values = TypeVar("Values", float, NDArray[np.float64])

#: Longest text looked at; anything longer is refused before any pattern meets it.
MAX_LENGTH = 80

_NUMBER = re.compile(r"[+-]?(?:[0-9]{1,40}(?:\.[0-9]{0,40})?|\.[0-9]{1,40})(?:[eE][+-]?[0-9]{1,4})?")
_UNIT = re.compile(
    r"(?:1|[A-Za-z%][A-Za-z0-9]{0,15}(?:\^[1-3])?)(?: ?[*/] ?[A-Za-z%][A-Za-z0-9]{0,15}(?:\^[1-3])?){0,3}"
)
_MINUSES = "\u2212\u2012\u2013\u2014\ufe63\uff0d"

#: Our units, in pint's notation. Prefixes come first. There is none for a thousandth: ``mchip`` and ``Mchip``, a
#: billion apart, would differ by the case of a letter.
_DEFINITIONS = """
kilo- = 1e3 = k-
mega- = 1e6 = M-
giga- = 1e9 = G-
tera- = 1e12 = T-
peta- = 1e15 = P-
exa- = 1e18 = E-
percent = 0.01 = %
byte = [information] = B
bit = 0.125 * byte
second = [time] = s
minute = 60 * second
hour = 60 * minute
day = 24 * hour
year = 365.25 * day = yr
quarter = 0.25 * year
month = year / 12
metre = [length] = m = meter
mm = 1e-3 * metre
mm2 = 1e-6 * metre ** 2
cm2 = 1e-4 * metre ** 2
USD = [money] = _ = dollar
chip = [chip] = _ = chips
H100e = [work]
wafer = [wafer] = _ = wafers
die = [die] = _ = dies
stack = [stack] = _ = stacks
watt = [power] = W
TPP = [processing_performance]
FLOP = [operation]
"""

#: The unit of bandwidths in all that people write and read, as data sheets and laws have it, and that of the contract.
BANDWIDTH = "GB/s"
_BANDWIDTH_INSIDE = "TB/s"
_GB_OF_TB = 1000.0

#: What to show someone who used a wrong unit.
EXAMPLES = {
    "1": "0.25 or 25 %",
    "1/year": "0.2 or 20 %/year",
    "PFLOP/s": "4.5 PFLOP/s",
    "TB/s": "4.8 TB/s or 4800 GB/s",
    "GB/s": "6500 GB/s or 6.5 TB/s",
    "TPP": "21000 TPP",
    "TPP/mm2": "5.92 TPP/mm2",
    "GUSD": "1.5 GUSD",
    "GUSD/year": "50 GUSD/year",
    "kUSD": "10.5 kUSD",
    "kUSD/H100e": "16 kUSD/H100e",
    "MH100e": "14 MH100e",
    "MH100e/year": "0.35 MH100e/year",
    "Mchip": "1.6 Mchip",
    "Mchip/year": "0.5 Mchip/year",
    "Mchip/GUSD": "0.012 Mchip/GUSD",
    "kwafer": "800 kwafer",
    "kwafer/month": "36 kwafer/month",
    "kwafer/month/year": "17 kwafer/month/year",
    "GUSD/(kwafer/month)": "0.15, or 0.15 GUSD*month/kwafer",
    "Mstack": "2.5 Mstack",
    "Mstack/year": "1.6 Mstack/year",
    "Mdie": "0.6 Mdie",
    "Mdie/year": "0.1 Mdie/year",
    "GW": "32 GW",
    "kW": "1.9 kW or 1900 W",
    "kW/H100e": "1 kW/H100e",
    "mm2": "660 mm2",
    "year": "2 year or 6 month",
}


def told(unit: str) -> str:
    """The unit in which people write and read what the contract has in ``unit``."""
    return BANDWIDTH if unit == _BANDWIDTH_INSIDE else unit


def inside(values: Values, unit: str) -> Values:
    """What is written in ``unit`` (see :func:`told`), in the contract's unit: rounded once, the same for all who ask.

    values : float or float64 array
    """
    return values / _GB_OF_TB if unit == BANDWIDTH else values  # type: ignore[return-value]


def outside(values: Values, unit: str) -> Values:
    """What the contract holds as people read it, in ``unit`` (see :func:`told`).

    values : float or float64 array. Whatever :func:`inside` gave comes back as a number that it takes to the same bits,
    the shortest of those there are. About one double in fifty is no such number: then it is off by one in the last bit.
    """
    if unit != BANDWIDTH:
        return values
    import numpy as np  # late: commands that only list things never need it

    held = np.asarray(values, dtype=np.float64)
    with np.errstate(over="ignore", invalid="ignore"):  # infinite caps; a value near the largest double
        product = held * _GB_OF_TB
        found = product
        for other in (np.nextafter(product, np.inf), np.nextafter(product, -np.inf), product,
                      np.round(product, 9), np.round(product, 6)):  # fmt: skip
            found = np.where(other / _GB_OF_TB == held, other, found)
    return found if isinstance(values, np.ndarray) else float(found)  # type: ignore[return-value]


def converted(values: Values, given: str, unit: str) -> Values:
    """What a file declares to be in ``given``, in ``unit``; InputError if it does not convert.

    values : float or float64 array
    """
    if given == unit:
        return values
    if (given, unit) == (_BANDWIDTH_INSIDE, BANDWIDTH):
        return outside(values, unit)
    if (given, unit) == (BANDWIDTH, _BANDWIDTH_INSIDE):
        return inside(values, given)
    return values * conversion(given, unit)  # type: ignore[return-value]


def number(text: str) -> float:
    """The finite number written in ``text``; :class:`InputError` says what is wrong with the spelling."""
    if len(text) > MAX_LENGTH:
        raise InputError(f"a number of {len(text)} characters is too long: at most {MAX_LENGTH} are read")
    bare = text.strip(" \t")
    if not _NUMBER.fullmatch(bare):
        raise InputError(f"`{printable(text)}` is not a number: {_complaint(bare)}")
    value = float(bare)
    if not math.isfinite(value):
        raise InputError(f"`{bare}` is too large for a number: the largest is about 1.8e308")
    if value == 0.0 and re.search(r"[1-9]", re.split(r"[eE]", bare)[0]):
        raise InputError(f"`{bare}` is too small for a number and would be read as 0: write 0 if you mean it")
    return value


def _complaint(bare: str) -> str:
    """Why ``bare`` is no number, and what to write instead."""
    lower = bare.casefold()
    if not bare:
        return "it is empty"
    if lower.lstrip("+-") in ("nan", "inf", "infinity"):
        return "only finite numbers are accepted"
    if any(dash in bare for dash in _MINUSES):
        return "write the minus sign as the plain hyphen `-`"
    if not bare.isascii():
        return "write it with the plain digits 0-9"
    if "_" in bare:
        return "leave the underscores out"
    if "," in bare:
        return "use a point for decimals and no thousands separator"
    if lower.lstrip("+-").startswith(("0x", "0b", "0o")):
        return "write it in decimal"
    return "write digits, at most one point and an exponent, as in -1.5e3"


def quantity(value: object, unit: str, name: str = "value") -> float:
    """``value`` as a finite float in ``unit``.

    Numbers are taken to be in ``unit`` already; strings may carry a unit that converts to it. Raises
    :class:`InputError` with ``name``, what was expected and an example. Booleans are refused.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise InputError(f"`{name}` must be a number or a text with a unit, such as {_example(unit)}")
    if not isinstance(value, str):
        return _finite(value, name)
    if len(value) > MAX_LENGTH:
        raise InputError(
            f"`{name}`: a quantity of {len(value)} characters is too long (at most {MAX_LENGTH})"
        )
    bare = value.strip(" \t")
    head = _NUMBER.match(bare)
    tail = bare[head.end() :].strip(" \t") if head else ""
    if head is None or not tail:
        return _named(bare, name)
    if not (tail[0].isalpha() or tail[0] in "%1$/"):
        return _named(bare, name)  # 1_000, 1,5 and their like: let the number's grammar complain
    return _convert(_named(head.group(), name), tail, unit, name)


def conversion(given: str, unit: str) -> float:
    """What a figure in the unit ``given`` is multiplied by to be in ``unit``; :class:`InputError` if none is."""
    return _convert(1.0, given, unit, "unit")


def conversion_of(given: Any, unit: str) -> float:
    """As :func:`conversion`, for a unit of pint's."""
    import pint

    try:
        return _clean(float((1.0 * given).to(_spelling(unit)).magnitude))
    except pint.PintError:
        raise InputError(f"[{given:~C}] does not convert to [{unit}]") from None


def factor(value: object, name: str) -> float:
    """A growth factor per year: a plain number only, because ``45 %/year`` would be read as 0.45."""
    if isinstance(value, str) and ("%" in value or "/" in value):
        raise InputError(
            f"`{name}` is a factor per year and takes a plain number: 1.45 means 45 % more every year"
        )
    return quantity(value, "1", name)


def _finite(value: int | float, name: str) -> float:
    try:
        result = float(value)
    except OverflowError:
        result = math.inf
    if not math.isfinite(result):
        raise InputError(f"`{name}` must be a finite number")
    return result


def _named(text: str, name: str) -> float:
    try:
        return number(text)
    except InputError as error:
        raise InputError(f"`{name}`: {error}") from None


def _example(unit: str) -> str:
    return EXAMPLES.get(unit, f"3 {unit}")


def printable(text: str) -> str:
    """``text`` shortened and without characters that could steer a terminal."""
    shown = "".join(c if c.isprintable() else "?" for c in text[:40])
    return shown + ("..." if len(text) > 40 else "")


def _convert(magnitude: float, given: str, unit: str, name: str) -> float:
    """``magnitude`` of the unit ``given``, in ``unit``."""
    expected = (
        f"expected {'a pure number or a percentage' if unit == '1' else unit}, such as {_example(unit)}"
    )
    if not _UNIT.fullmatch(given):
        raise InputError(f"`{name}`: `{printable(given)}` is not a unit; {expected}")
    if given == unit:
        return magnitude
    if (given, unit) in (("%", "1"), ("%/year", "1/year")):
        return magnitude / 100.0  # the built-in studies need no more than this: no import
    if (given, unit) == (_BANDWIDTH_INSIDE, BANDWIDTH):
        return outside(magnitude, unit)
    registry = unit_registry()
    import pint

    try:
        ratio = registry.Quantity(1.0, _spelling(given)).to(_spelling(unit)).magnitude
    except pint.UndefinedUnitError:
        hint = "; a byte is B and a bit is bit" if "b/" in given else _million(given)
        raise InputError(f"`{name}`: unknown unit `{given}`{hint}; {expected}") from None
    except (pint.PintError, ValueError, ArithmeticError, SyntaxError, TypeError):
        raise InputError(f"`{name}`: `{given}` does not fit; {expected}") from None
    return _finite(_scaled(magnitude, float(ratio)), name)


def _million(given: str) -> str:
    """What to write instead, where m stands before a unit that takes M."""
    names = re.findall(r"[A-Za-z][A-Za-z0-9]*", given)
    meant = [name for name in names if name[0] == "m" and f"M{name[1:]}" in unit_registry() and len(name) > 1]
    return f"; a million is M, and m stands for nothing: did you mean M{meant[0][1:]}?" if meant else ""


def _scaled(magnitude: float, ratio: float) -> float:
    """``magnitude * ratio``, rounded once: 1400 GB/s is 1.4 TB/s, not 1.4000000000000001."""
    return magnitude * _clean(ratio) if ratio >= 1 else magnitude / _clean(1.0 / ratio)


def _clean(ratio: float) -> float:
    """``ratio`` without the rounding that a chain of conversions leaves in its last digits."""
    short = float(f"{ratio:.12g}")
    return short if abs(short - ratio) <= 1e-15 * 4 * abs(ratio) else ratio


def _spelling(unit: str) -> str:
    """Our notation in pint's: a leading ``1/``, ``^`` and the percent sign."""
    return "dimensionless" if unit == "1" else unit.replace("^", "**").replace("%", "percent")


@cache
def unit_registry() -> Any:
    """Our units, as pint's registry."""
    import pint  # 0.15 s: only when a text carries a unit

    registry: Any = pint.UnitRegistry(None, on_redefinition="ignore")
    for line in _DEFINITIONS.strip().splitlines():
        registry.define(line)
    return registry
