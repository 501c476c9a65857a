"""The journal: what was paid for or decided by a person, kept as it comes and never lost. journal.py writes it."""
