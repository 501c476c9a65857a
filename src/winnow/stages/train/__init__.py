"""The stage train: fits a small model to a table, continues where it stopped, and evaluates it on a held-out table."""
