"""Rebuild every table and figure of five adversarial-training x GAN papers, one verdict per number."""

__version__ = "0.1.0"
