"""The record, and the members that are fitted to it."""
