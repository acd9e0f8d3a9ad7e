"""The training loop; nothing of any method in it."""
