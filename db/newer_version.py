"""Nothing is written to what a newer version has migrated: this one does not know what that relies on.

`newest` is the name of the newest migration that this version knows. Names begin with numbers of four digits.
"""

ANY = "~"  # comes after every name
# Looked up by the primary key of the ledger, so that each transaction that writes can ask.
NEWEST = "(SELECT max(name) FROM chittygraph_migrations)"
REFUSED = (
    "a newer version of ChittyGraph has migrated the database, so nothing was written: try again with a"
    " server of that version"
)
