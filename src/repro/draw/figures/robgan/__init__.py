"""What is particular to the artefacts of Rob-GAN."""
