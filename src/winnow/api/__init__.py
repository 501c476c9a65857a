"""The public functions. Every keyword is written out; what it does is declared in the config of its stage."""
