"""Run specification, paths, random streams, checkpoints, provenance, timing, device."""
