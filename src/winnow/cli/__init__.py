"""The front hall: the command line. One file per group of commands; nothing imports it."""
