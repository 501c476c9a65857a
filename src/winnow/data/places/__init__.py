"""Where files are: on this machine, or in an object store; the one seam between the two."""
