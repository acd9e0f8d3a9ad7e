"""Training methods, one paper algorithm per file."""
