"""The compiled road: operations made into Programs once, and carried out without walking fields."""
