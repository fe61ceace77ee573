"""Numba as a guest uses it: environment, settings and modules stay as the process had them."""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


class _Later:
    """Something that is imported when it is first used."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make = make

    def __getattr__(self, name: str) -> Any:
        if "_made" not in vars(self):
            self._made = self._make()
        return getattr(self._made, name)


@contextmanager
def _hidden(name: str) -> Iterator[None]:
    """A module that is not there for as long as this lasts."""
    module = sys.modules.get(name)
    sys.modules[name] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        del sys.modules[name]
        if module is not None:
            sys.modules[name] = module


def _import_numba() -> Any:
    """Numba, deaf to a ``.numba_config.yaml`` in the working directory while it is imported.

    Such a file can name classes to import, and so run code. Numba reads it with PyYAML when it is imported and again
    before it compiles: the first is prevented by hiding PyYAML, the second, for our own functions, by `our_settings`.
    Functions of others are compiled as the file says, from the first one on.
    """
    if "numba" not in sys.modules:
        with _hidden("yaml"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import numba
        if importlib.util.find_spec("yaml"):
            numba.config.yaml = _Later(lambda: importlib.import_module("yaml"))
            numba.config._HAVE_YAML = True
    import numba

    return numba


numba = _import_numba()

from numba.core.compiler_lock import global_compiler_lock  # noqa: E402 - not before the line above

config = numba.config


class _Deaf:
    """In the place of what reads Numba's settings anew before every compilation."""

    def update(self) -> None:
        """Read nothing."""


#: Read where a function is decorated, which another thread may be doing while we compile; we do not read them.
_LEFT_ALONE = ("CACHE_DIR", "CACHE_LOCATOR_CLASSES", "DISABLE_JIT")


def _environment() -> dict[str, Any]:
    """Numba's settings as the environment alone gives them, whatever a file or the process has made of them."""
    space = vars(config)
    with global_compiler_lock, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Numba has said what it could not read
        host = dict(space)
        try:
            variables = {name: value for name, value in os.environ.items() if name.startswith("NUMBA_")}
            config._env_reloader.process_environ(variables)
            return {name: value for name, value in space.items() if name.isupper()}
        finally:
            space.update(host)


_ENVIRONMENT = _environment()
_SETTINGS = {name: value for name, value in _ENVIRONMENT.items() if name not in _LEFT_ALONE}
_SETTINGS["_env_reloader"] = _Deaf()
#: Whether kernels are left as they are, plain Python.
UNCOMPILED = bool(_ENVIRONMENT["DISABLE_JIT"])


@contextmanager
def our_settings() -> Iterator[None]:
    """Numba's settings as our digest has them, then again as they were. No other thread compiles in between."""
    with global_compiler_lock:
        space = vars(config)
        host = {name: space[name] for name in _SETTINGS}
        space.update(_SETTINGS)
        try:
            yield
        finally:
            space.update(host)


@contextmanager
def quick_imports() -> Iterator[None]:
    """Spare Numba's first use the import of BLAS and cffi, which kernels do not need: 0.2 s of every start.

    Both are imported when somebody does need them.
    """
    _import_without_cffi()
    if "numba.np.arraymath" in sys.modules:
        yield
        return
    linalg: Any = importlib.import_module("numba.np.linalg")
    ensure_blas = linalg.ensure_blas
    linalg.ensure_blas = lambda: None  # asked once, by `arraymath`, whether there is one: SciPy has it
    try:
        yield
    finally:
        linalg.ensure_blas = ensure_blas
        arraymath: Any = sys.modules.get("numba.np.arraymath")
        if arraymath:
            arraymath.ensure_blas = ensure_blas


def _import_without_cffi() -> None:
    name = "numba.core.typing.cffi_utils"
    if name in sys.modules or "cffi" in sys.modules or importlib.util.find_spec("cffi") is None:
        return
    with _hidden("cffi"):
        module: Any = importlib.import_module(name)
    module.cffi = _Later(lambda: importlib.import_module("cffi"))
    module.ffi = _Later(lambda: importlib.import_module("cffi").FFI())
    module.SUPPORTED = True
