"""Terms added to a discriminator's loss, one per file; README shows how to add one."""
