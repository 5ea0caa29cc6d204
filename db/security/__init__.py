"""Which rows a viewer sees and may change, as conditions inside the statements."""
