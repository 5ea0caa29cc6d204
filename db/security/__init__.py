"""Who sees and changes which rows, as conditions inside the statements."""
