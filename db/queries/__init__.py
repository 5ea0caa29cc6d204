"""SELECT statements: filters, pages, lookups and cursors."""
