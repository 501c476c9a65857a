"""Small tables and problems for `winnow demo`."""
