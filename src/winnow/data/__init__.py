"""Rows, readers, stores, receipts, errors: everything that touches a file. Imports nothing of ours."""
