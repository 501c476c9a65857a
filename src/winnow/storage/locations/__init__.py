"""Locations of files: paths on this machine and objects in a cloud store."""
