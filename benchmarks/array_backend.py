"""Two ways to run one array program: NumPy in place and in blocks, JAX compiled with its own loops.

The program says `exp`, `log`, `ln`, `power`, `fold`, `when`, `consider`, `repeat`, `settle`; a backend says what they
do. Under NumPy `exp` and `log` overwrite their argument and what no element of the block needs is skipped; under JAX
all are pure and become `scan`, `cond`, `fori_loop` and `while_loop`. Arrays written with `*=` are fresh temporaries in
both.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

#: Newton steps of a price, and the size of the last: the error left is of the order of its square. A block stops when
#: all that matters in it stands still (a fixed number of steps was slower under JAX too).
STEPS, CLOSE = 10, 1e-6
#: The last step of a price that only ranks designs: profit is flat at the monopoly price.
CLOSE_ENOUGH = 1e-4
#: Share of a block's elements below which NumPy takes those that matter out of the block and works on them alone.
DENSE = 0.75

#: Logarithm of x = m 2**e: the bits of sqrt(1/2), where m begins; ln 2 in two parts, the first with trailing zeros;
#: and coefficients of atanh's series in z = s**2 beyond 2 s, highest first (those of FreeBSD's msun, e_log.c).
SQRT_HALF_BITS = int(np.float64(np.sqrt(0.5)).view(np.int64))
LN2 = (6.93147180369123816490e-01, 1.90821492927058770002e-10)
LOG_SERIES = (
    1.479819860511658591e-01, 1.531383769920937332e-01, 1.818357216161805012e-01, 2.222219843214978396e-01,
    2.857142874366239149e-01, 3.999999999940941908e-01, 6.666666666666735130e-01,
)  # fmt: skip

Tree = Any
#: Where a design may be kept, the field it must beat there, and its fields.
Rows = list[tuple[Any, str, dict[str, Any]]]


def _item(items: Tree, k: int) -> Tree:
    if isinstance(items, dict):
        return {name: _item(value, k) for name, value in items.items()}
    return items[k]


def _length(items: Tree) -> int:
    while isinstance(items, dict):
        items = next(iter(items.values()))
    return len(items)


class NumpyBackend:
    """Plain NumPy: in place, and nothing that no element needs."""

    xp: Any = np

    @staticmethod
    def exp(x: np.ndarray) -> np.ndarray:
        return np.exp(x, out=x)

    @staticmethod
    def log(x: np.ndarray) -> np.ndarray:
        return np.log(x, out=x)

    ln = staticmethod(np.log)
    power = staticmethod(np.power)

    @staticmethod
    def consider(ok: np.ndarray, price: Callable[..., Rows], q: Tree, market: Tree, d: Tree, carry: Tree) -> Tree:
        """Price designs where there are any, few of many taken out first, and keep those that beat ``carry``."""
        n = np.count_nonzero(ok)
        if n == 0:
            return carry
        if n > DENSE * ok.size:
            for allowed, score, found in price(q, market, d):
                better = allowed & (found[score] > carry[score])
                if better.any():
                    carry = {**carry, **{k: np.where(better, value, carry[k]) for k, value in found.items()}}
            return carry
        at = Chosen(ok)
        for allowed, score, found in price(Gathered(q, at.scenarios), Gathered(market, at), Gathered(d, at)):
            better = allowed[0] & (found[score][0] > carry[score].reshape(-1)[at.elements])
            rows = np.flatnonzero(better)
            if len(rows):
                for k, value in found.items():
                    flat = carry[k].reshape(*carry[k].shape[:-2], -1)
                    flat[..., at.elements[rows]] = value[..., 0, rows]
        return carry

    @staticmethod
    def fold(body: Callable[[Tree, Tree], Tree], carry: Tree, items: Tree) -> Tree:
        for k in range(_length(items)):
            carry = body(carry, _item(items, k))
        return carry

    @staticmethod
    def when(wanted: Any, body: Callable[[Tree], Tree], carry: Tree) -> Tree:
        return body(carry) if wanted else carry

    @staticmethod
    def repeat(n: int, body: Callable[[Tree], Tree], carry: Tree) -> Tree:
        for _ in range(n):
            carry = body(carry)
        return carry

    @staticmethod
    def settle(step: Callable[..., Any], ln_p: np.ndarray, on: np.ndarray, fixed: tuple[Any, ...],
               close: float = CLOSE) -> np.ndarray:  # fmt: skip
        """Newton steps on a log price until none of those that matter moves; few of many are taken out first."""
        if np.count_nonzero(on) > DENSE * on.size:
            return _newton(step, ln_p, on, fixed, close)
        at = Chosen(on)
        some = tuple(at(a) for a in fixed)
        ln_p.reshape(-1)[at.elements] = _newton(step, at(ln_p), True, some, close)[0]
        return ln_p


class Chosen:
    """Takes the chosen elements of a block out of its arrays, as a block of one policy."""

    def __init__(self, mask: np.ndarray) -> None:
        self.shape = mask.shape
        self.elements = np.flatnonzero(mask)
        self._policies, self._scenarios = np.divmod(self.elements, mask.shape[1])

    def scenarios(self, a: np.ndarray) -> np.ndarray:
        """[..., S] to [..., n]."""
        return np.take(a, self._scenarios, axis=-1)

    def __call__(self, a: Any) -> Any:
        """[..., P, S], [..., 1, S] or [..., P, 1] to [..., 1, n]; [S] to [n]; a number stays one."""
        if np.ndim(a) < 2:
            return self.scenarios(a) if np.ndim(a) else a
        if a.shape[-2:] == self.shape:
            return np.take(a.reshape(*a.shape[:-2], 1, -1), self.elements, axis=-1)
        if a.shape[-1] > 1:
            return self.scenarios(a)
        return a if a.shape[-2] == 1 else np.take(np.swapaxes(a, -1, -2), self._policies, axis=-1)


class Gathered(dict[str, Any]):
    """A table whose chosen elements are taken out when they are first asked for."""

    def __init__(self, table: Tree, take: Callable[[Any], Any]) -> None:
        super().__init__()
        self._table, self._take = table, take

    def __missing__(self, name: str) -> Any:
        self[name] = self._take(self._table[name])
        return self[name]


def _newton(step: Callable[..., Any], ln_p: np.ndarray, on: Any, fixed: tuple[Any, ...], close: float) -> np.ndarray:
    """Steps from ``ln_p``, which is overwritten."""
    for _ in range(STEPS):
        new = step(ln_p, *fixed)
        ln_p -= new
        moving = (np.abs(ln_p, out=ln_p) > close) & on
        ln_p = new
        if not moving.any():
            break
    return ln_p


def jax_backend() -> Any:
    """The same names under JAX, with 64-bit floats; ImportError where it is not installed."""
    import jax
    import jax.numpy as jnp
    from jax import lax

    jax.config.update("jax_enable_x64", True)

    class JaxBackend:
        xp: Any = jnp
        exp = staticmethod(jnp.exp)

        @staticmethod
        def log(x: Any) -> Any:
            """Natural logarithm in vector arithmetic; the compiler's own is a scalar library call in 64 bits."""
            bits = lax.bitcast_convert_type(x, jnp.int64)
            shifted = (bits - SQRT_HALF_BITS) >> 52
            e = shifted.astype(jnp.float64)
            f = lax.bitcast_convert_type(bits - (shifted << 52), jnp.float64) - 1.0
            s = f / (2.0 + f)
            z = s * s
            series = jnp.full_like(z, LOG_SERIES[0])
            for term in LOG_SERIES[1:]:
                series = series * z + term
            half = 0.5 * f * f
            y = e * LN2[0] - ((half - (s * (half + series * z) + e * LN2[1])) - f)
            y = jnp.where(x == jnp.inf, jnp.inf, y)
            return jnp.where(x > 0.0, y, jnp.where(x == 0.0, -jnp.inf, jnp.nan))

        ln = log

        @classmethod
        def power(cls, x: Any, y: Any) -> Any:
            return jnp.exp(y * cls.ln(x))

        @staticmethod
        def consider(ok: Any, price: Callable[..., Rows], q: Tree, market: Tree, d: Tree, carry: Tree) -> Tree:
            def keep(carry: Tree) -> Tree:
                for allowed, score, found in price(q, market, d):
                    better = allowed & (found[score] > carry[score])
                    carry = {**carry, **{k: jnp.where(better, value, carry[k]) for k, value in found.items()}}
                return carry

            return lax.cond(ok.any(), keep, lambda c: c, carry)

        @staticmethod
        def fold(body: Callable[[Tree, Tree], Tree], carry: Tree, items: Tree) -> Tree:
            return lax.scan(lambda c, item: (body(c, item), None), carry, items)[0]

        @staticmethod
        def when(wanted: Any, body: Callable[[Tree], Tree], carry: Tree) -> Tree:
            return lax.cond(wanted, body, lambda c: c, carry)

        @staticmethod
        def repeat(n: int, body: Callable[[Tree], Tree], carry: Tree) -> Tree:
            return lax.fori_loop(0, n, lambda _, c: body(c), carry)

        @staticmethod
        def settle(step: Callable[..., Any], ln_p: Any, on: Any, fixed: tuple[Any, ...], close: float = CLOSE) -> Any:
            def again(state: Any) -> Any:
                return (state[0] < STEPS) & state[2]

            def once(state: Any) -> Any:
                new = step(state[1], *fixed)
                return state[0] + 1, new, ((jnp.abs(new - state[1]) > close) & on).any()

            return lax.while_loop(again, once, (0, ln_p, True))[1]

    return JaxBackend
