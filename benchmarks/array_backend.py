"""Two ways to run one array program: NumPy in place and in blocks, JAX compiled with its own loops.

The program says `exp`, `log`, `put`, `fold`, `when`, `repeat`, `settle`; a backend says what they do. Under NumPy
they overwrite temporaries and skip work that no element of the block needs; under JAX they are pure and become
`scan`, `cond`, `fori_loop` and `while_loop`. Arrays written with `*=` are fresh temporaries in both.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

#: Newton steps of a price, and the size of the last: the error left is of the order of its square. A block stops when
#: all that matters in it stands still (a fixed number of steps was slower under JAX too).
STEPS, CLOSE = 10, 1e-6

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
    def settle(step: Callable[..., np.ndarray], ln_p: np.ndarray, on: np.ndarray, fixed: tuple[Any, ...]) -> np.ndarray:
        """Newton steps on a log price until none of those that matter moves; few of many are taken out first."""
        if 2 * np.count_nonzero(on) > on.size:
            return _newton(step, ln_p, on, fixed)
        chosen = np.flatnonzero(on)
        few = [np.broadcast_to(a, (*a.shape[:-2], *on.shape)).reshape(*a.shape[:-2], -1) for a in fixed]
        some = tuple(np.take(a, chosen, axis=-1) for a in few)
        ln_p.reshape(-1)[chosen] = _newton(step, ln_p.reshape(-1)[chosen], np.ones(len(chosen), bool), some)
        return ln_p


def _newton(step: Callable[..., np.ndarray], ln_p: np.ndarray, on: np.ndarray, fixed: tuple[Any, ...]) -> np.ndarray:
    """Steps from ``ln_p``, which is overwritten."""
    for _ in range(STEPS):
        new = step(ln_p, *fixed)
        ln_p -= new
        moving = (np.abs(ln_p, out=ln_p) > CLOSE) & on
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
        def settle(step: Callable[..., Any], ln_p: Any, on: Any, fixed: tuple[Any, ...]) -> Any:
            def again(state: Any) -> Any:
                return (state[0] < STEPS) & state[2]

            def once(state: Any) -> Any:
                new = step(state[1], *fixed)
                return state[0] + 1, new, ((jnp.abs(new - state[1]) > CLOSE) & on).any()

            return lax.while_loop(again, once, (0, ln_p, True))[1]

    return JaxBackend
