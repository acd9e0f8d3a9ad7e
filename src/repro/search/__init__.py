"""What searches on validation images found: tables, plots, adoption."""
