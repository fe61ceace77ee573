"""From a finished run to what a paper prints: figures, tables, numbers, words, a replication package."""
