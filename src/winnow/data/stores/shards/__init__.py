"""Candidates in shards, all of a prompt in one: how a table comes in, and how shards are read and finished."""
