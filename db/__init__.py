"""What is stored: the tables, the sessions that read and write them, and the SQL made from both."""

from db import engine as engine
