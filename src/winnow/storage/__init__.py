"""Writing: stores with receipts, atomic files, the journal, and locations on disk or in an object store."""
