"""Build what settings name; what a constructor refuses is the user's mistake."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager

from lightning.fabric.utilities.exceptions import MisconfigurationException

from xaicf.core import InputError, UserError
from xaicf.mistakes import one_line


@contextmanager
def refusals(classes: Collection[str], linked: Collection[str] = ()) -> Iterator[None]:
    """Tell a value that a constructor refuses from any other error, which is a defect.

    Args:
        classes: names that may have been meant by an unknown one.
        linked: arguments that are never given, and so not offered.

    Raises:
        UserError: what the constructor raised, out of jsonargparse's wrapping, or a value of the wrong kind.
    """
    try:
        yield
    except (ValueError, MisconfigurationException) as error:
        cause: BaseException = error  # jsonargparse wraps whatever a constructor raises
        while cause.__cause__ is not None and not isinstance(cause, UserError):
            cause = cause.__cause__
        if isinstance(cause, UserError):
            raise cause from None
        if isinstance(cause, ValueError | MisconfigurationException):
            raise InputError(one_line(str(error), classes, linked)) from error
        raise
