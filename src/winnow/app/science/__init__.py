"""The commands of the group Science: reproduce and simulate."""
