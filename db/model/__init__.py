"""What is stored: tables, columns, their types, and the forms of ids and instants."""
