"""How messages say how many there are."""


def counted(n: int, noun: str, plural: str | None = None) -> str:
    """A number and its noun.

    >>> counted(1, "input"), counted(2, "input"), counted(2, "axis", "axes")
    ('1 input', '2 inputs', '2 axes')
    """
    return f"{n} {noun if n == 1 else plural or noun + 's'}"
