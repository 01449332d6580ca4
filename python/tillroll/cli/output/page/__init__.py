"""A report as one HTML page: its table, and charts where they say something."""
