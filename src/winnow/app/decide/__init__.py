"""The commands that decide before training."""
