"""What is done to rows: each stage takes a table and gives a table, with books that balance."""
