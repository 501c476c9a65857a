"""One reader per file format; each turns a file into chunks and refuses what it cannot read, with file and line."""
