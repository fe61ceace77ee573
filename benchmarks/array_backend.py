"""Two ways to run one array program: NumPy in place and in blocks, JAX compiled with its own loops.

The program says `exp`, `log`, `put`, `fold`, `when`, `repeat`, `settle`; a backend says what they do. Under NumPy
they overwrite temporaries and skip work that no element of the block needs; under JAX they are pure and become
`scan`, `cond` and `fori_loop`. Arrays written with `*=` are fresh temporaries in both.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

#: Newton steps of a price: from a first guess, and from the price of the pass before. The error after a step is of
#: the order of that step's square; NumPy stops as soon as no step of the block exceeds `CLOSE`.
STEPS, CLOSE = 7, 1e-6

Tree = Any


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

    @staticmethod
    def sqrt(x: np.ndarray) -> np.ndarray:
        return np.sqrt(x, out=x)

    @staticmethod
    def put(mask: np.ndarray, new: Any, old: np.ndarray) -> np.ndarray:
        np.copyto(old, new, where=mask)
        return old

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
    def settle(step: Callable[[np.ndarray], np.ndarray], ln_p: np.ndarray, on: np.ndarray) -> np.ndarray:
        """Newton steps on a log price until none of those that matter moves; elements off may do as they like."""
        for _ in range(STEPS):
            new = step(ln_p)
            ln_p -= new
            moved = np.abs(ln_p, out=ln_p)
            moving = (moved > CLOSE) & on
            ln_p = new
            if not moving.any():
                break
        return ln_p


def jax_backend(unroll: bool = True) -> Any:
    """The same names under JAX, with 64-bit floats; ImportError where it is not installed."""
    import jax
    import jax.numpy as jnp
    from jax import lax

    jax.config.update("jax_enable_x64", True)

    class JaxBackend:
        xp: Any = jnp
        exp = staticmethod(jnp.exp)
        log = staticmethod(jnp.log)
        sqrt = staticmethod(jnp.sqrt)
        put = staticmethod(jnp.where)

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
        def settle(step: Callable[[Any], Any], ln_p: Any, on: Any) -> Any:
            if not unroll:
                return lax.fori_loop(0, STEPS, lambda _, l: step(l), ln_p)
            for _ in range(STEPS):
                ln_p = step(ln_p)
            return ln_p

    return JaxBackend
