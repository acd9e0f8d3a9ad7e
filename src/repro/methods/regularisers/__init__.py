"""Terms added to a discriminator's loss, one per file; ``base.py`` says how to add one."""
