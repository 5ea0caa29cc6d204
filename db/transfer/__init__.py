"""Export and import of rows: what an export reads, and what an import checks and writes."""
