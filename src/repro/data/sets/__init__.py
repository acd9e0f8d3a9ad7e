"""The data sets, one file each: all that is known of it, and how its files are read."""
