"""How rows leave the command line: a file a form, and one place that chooses among them."""
