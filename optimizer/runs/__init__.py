"""What a folder holds of a finished run, and whether it can be trusted."""
