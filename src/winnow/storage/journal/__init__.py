"""The journal: an append-only log of paid calls and of decisions by people, safe against crashes."""
