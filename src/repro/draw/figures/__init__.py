"""One folder for each paper that has figures of its own, or networks to show."""
