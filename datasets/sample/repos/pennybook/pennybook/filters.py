"""Functions that templates may apply with `{{ value | name }}`."""

FILTERS = {
    "upper": lambda value: str(value).upper(),
    "lower": lambda value: str(value).lower(),
    "trim": lambda value: str(value).strip(),
    "length": len,
}


def apply_filter(name, value):
    try:
        function = FILTERS[name]
    except KeyError:
        raise LookupError(f"no filter {name!r}; there are {', '.join(sorted(FILTERS))}") from None
    return function(value)
