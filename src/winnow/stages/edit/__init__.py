"""edit: tokens of texts that a prior finds certain are drawn again; everything else stays as it is."""
