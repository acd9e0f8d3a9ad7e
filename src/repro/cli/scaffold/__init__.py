"""What `repro new` lays out: files that are valid at once and say what to change."""
