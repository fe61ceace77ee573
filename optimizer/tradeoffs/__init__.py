"""One policy chosen from a front, with reasons, and policies against each other."""
