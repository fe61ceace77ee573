"""Many policies or futures in a grid or list, on this machine or others."""

from tiercap.optimizer.faces import opened

#: What other rooms may import; import-linter holds them to it.
__all__ = ["request", "sweep", "tables"]
__getattr__ = opened(__name__, __all__)
