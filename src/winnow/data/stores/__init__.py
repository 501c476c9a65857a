"""What winnow writes: folders of shards with a receipt, flat files with a receipt beside them, and their joins."""
