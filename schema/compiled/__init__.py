"""Compiled execution: operations made into Programs once, and run without walking fields."""
