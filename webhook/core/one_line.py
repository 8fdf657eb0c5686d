"""Texts of others on one line, that steer no terminal and hide nothing of what is beside them."""


def one_line(said: str) -> str:
    """Write a blank for each line break, control character and mark that turns the direction.

    The API server drops a warning that has one, and a log that has lines of others tells lies.
    """
    if said.isprintable():
        return said
    return "".join(each if each.isprintable() else " " for each in said)
