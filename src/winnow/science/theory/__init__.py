"""Closed forms and simulations of selection, training and rounds: arrays in, numbers out, no files and no tables."""
