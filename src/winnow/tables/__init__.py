"""Reading: formats, columns, chunks of rows, joins, and the tables that stages work on."""
