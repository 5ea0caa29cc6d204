"""What is stored: the tables, the sessions that read and write them, and the SQL made from both."""

from db.sqlite import library as library
