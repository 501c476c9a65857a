"""Functions over text that know no rows and no files: n-grams, protected spans and edits."""
