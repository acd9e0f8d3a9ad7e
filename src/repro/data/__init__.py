"""Data sets as uint8 tensors, their fetching, fingerprints and the synthetic source."""
