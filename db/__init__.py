"""The registry's database: its tables, the engines that store them, and the SQL for both."""

from db.sqlite import library as library
