"""Closed forms and simulations of selection, training and rounds. Arrays in, numbers out; no file, no table."""
