"""The stage combine: one verifier from several weak ones."""
