"""Statistics on arrays: what labels say about a verifier. Reads no files and knows no tables."""
