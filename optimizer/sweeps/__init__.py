"""Many policies or futures in a grid or list, on this machine or others."""
