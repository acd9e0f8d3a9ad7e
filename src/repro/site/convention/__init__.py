"""How numbers were measured: by their records, and as pages show it."""
