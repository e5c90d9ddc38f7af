"""What a docstring refers to by a role, :class:`~package.Name`, is written as code: the site knows no roles."""

import re

import griffe

ROLE = re.compile(r":(?:attr|class|data|func|meth|mod):`(~?)([\w.]+)`")


class Roles(griffe.Extension):
    """Rewrites every docstring before it is read."""

    def on_object(self, *, obj: griffe.Object, **kwargs: object) -> None:
        """Write roles as code, of ``~package.Name`` the last part."""
        if obj.docstring is not None:
            obj.docstring.value = ROLE.sub(
                lambda found: f"``{found[2].rpartition('.')[2] if found[1] else found[2]}``", obj.docstring.value
            )
