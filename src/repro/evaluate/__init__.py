"""Measurements of a checkpoint, one per file."""
