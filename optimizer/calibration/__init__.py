"""The record, and the members that are fitted to it."""

from tiercap.optimizer.faces import opened

#: What other rooms may import; import-linter holds them to it.
__all__ = ["backcast", "backcast_record", "calibrate", "fit", "forest", "published", "record", "replay"]
__getattr__ = opened(__name__, __all__)
