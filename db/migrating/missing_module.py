"""What to say where SQLite was built without a module that the registry's tables need, such as FTS5."""

NO_SUCH_MODULE = "no such module: "


def advice(error: Exception) -> str | None:
    """What is missing, and what to do; None if it is nothing of that kind."""
    _, found, name = str(error).partition(NO_SUCH_MODULE)
    if not found:
        return None
    module = name.split()[0].strip(".,;:")
    return f"SQLite there was built without {module}, which search needs: use a build that has it"
