"""Results for other programs: JSON files for each cell and each run, and an RO-Crate of a whole profile."""
