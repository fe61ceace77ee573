"""Which policies are tried, and what came of it."""

from tiercap.optimizer.faces import opened

#: What other rooms may import; import-linter holds them to it.
__all__ = ["loop", "replicate", "run", "seeds", "storage_url"]
__getattr__ = opened(__name__, __all__)
