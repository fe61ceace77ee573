"""What an outcome hangs on, and where a policy fails."""
