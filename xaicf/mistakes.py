"""Say in one line what jsonargparse, which reads the command line and YAML, found wrong."""

import difflib
import inspect
import pydoc
import re
from collections.abc import Collection

NOISE = re.compile(
    r"(Does not validate|Subtypes:|Errors:|Given value type:|Given value: (\[|\{|Namespace|NestedArg)|"
    r"Expected a <class 'NoneType'>|Expected a path but|Not a valid subclass|Subclass types|a class path|a dict )"
)
"""How lines of a report begin that say nothing of the mistake."""

EXPECTED = re.compile(r"Expected an? (?:typing\.Literal\[(.*)\]|<class '(\w+)'>)")


def one_line(report: str, classes: Collection[str], linked: Collection[str] = ()) -> str:
    """Put a nested report into one line: the keys, the mistake and what is allowed.

    Args:
        report: the message of an ``ArgumentError``.
        classes: names that may have been meant by an unknown one.
        linked: arguments that are never given, and so not offered.

    Returns:
        A line without its end.
    """
    lines = [line.strip().removeprefix("- ") for line in report.splitlines()]
    told = [EXPECTED.sub(r"expected \1\2", line) for line in lines if not NOISE.match(line)]
    # After the first value that was refused come the other types that it might have had.
    ends = [number for number, line in enumerate(told, 1) if line.startswith("Given value: ")]
    text = " ".join(" ".join(told[: ends[0] if ends else None]).split())
    for pattern, replacement in (
        (r"Type .* class: (Option '\w+').*\(class_path='([\w.]+)'.*", r"\2: \1 is not accepted"),
        (r"Type typing\.Callable\S* \S* expects a function or a callable class: ", ""),
        (r"expected dict (?=\w+ (?:of \w+ )?must)", ""),
        (r"\. Got value: Namespace\(.*", ""),
        (r"(?<=[^:]) expected ", " or "),
        (r"(expected \w+) Expected a dot import path string: \S+", r"\1"),
        (r"\.? (?:Given|Got) value: ", ", got "),
        (r'Parser key "([\w.]+)":', r"\1:"),
        (r"Problem with given class_path '([\w.]+)':", r"\1:"),
    ):
        text = re.sub(pattern, replacement, text)
    if option := re.search(r"([\w.]+\.\w+): Option '\w+' is not accepted", text):
        allowed = inspect.signature(pydoc.locate(option[1])).parameters  # type: ignore[arg-type]  # a class that was just found
        text = f"{text[: option.end()]}, only {', '.join(name for name in allowed if name not in linked)}"
    if unknown := re.search(r"Expected a dot import path string: (\w+)", text):
        meant = difflib.get_close_matches(unknown[1], classes, 1)
        text = f"{text[: unknown.start()]}unknown class {unknown[1]}{f', is it {meant[0]}?' if meant else ''}"
    return text
