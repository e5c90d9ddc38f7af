"""Recipes: how to build a network again, in plain values that any checkpoint may hold.

A recipe is ``{"class_path": "package.Name", "init_args": {...}}``, the form that YAML files use too.
"""

import functools
import importlib
import inspect
import typing
from collections.abc import Callable
from typing import Any

from torch import nn

from xaicf.core.errors import CheckpointError, InputError, UserError

Factory = Callable[..., nn.Module]
"""A class of modules, a function annotated to return one, or a ``functools.partial`` of either."""

Recipe = dict[str, Any]


def recipe(factory: Factory, /, **arguments: object) -> Recipe:
    """Write down a factory of networks in plain values.

    Args:
        factory: what builds the network.
        arguments: further keyword arguments; recipes of inner networks are allowed.

    Returns:
        The factory's import path with ``arguments``, those that a partial holds and plain defaults. What a factory
        says is ``only_to_start`` a training has its default: a checkpoint brings the weights itself.

    Raises:
        InputError: the factory cannot be imported by name, :func:`build` would refuse it, or an argument is
            not plain.
    """
    keywords = dict(arguments)
    while isinstance(factory, functools.partial):
        keywords = {**factory.keywords, **keywords}
        # jsonargparse hands over a partial of its own caller that has the class as its last argument.
        factory = factory.args[-1] if factory.args else factory.func
    name = getattr(factory, "__qualname__", repr(factory))
    if not name.isidentifier():
        raise InputError(f"network must be an importable class or function, got {name}")
    for key in getattr(factory, "only_to_start", ()):
        keywords.pop(key, None)
    for key, value in keywords.items():
        if not _is_plain(value):
            raise InputError(f"{name} argument {key} must be plain (numbers, text, lists), got {value!r}")
    if not _makes_module(factory):
        raise InputError(f"network must be a class of modules or a function annotated to return one, got {name}")
    # Plain defaults are written down too: YAML resolves them, and a later release may change them.
    defaults = {
        parameter.name: parameter.default
        for parameter in inspect.signature(factory).parameters.values()
        if parameter.default is not parameter.empty and _is_plain(parameter.default)
    }
    keywords |= {key: value for key, value in defaults.items() if key not in keywords}
    return {"class_path": _public_path(factory, name), "init_args": keywords}


def build(written: Recipe) -> nn.Module:
    """Build the network of a recipe. Inner recipes become factories.

    Only classes of modules and functions annotated to return one are called, so that a checkpoint from
    elsewhere cannot name any other function. Functions of torch and classes of ``torch.fx`` are refused,
    since some of them execute source text that they are given.

    Args:
        written: a recipe.

    Returns:
        The new module.

    Raises:
        CheckpointError: the recipe is malformed, names nothing that makes a module, or arguments that it
            does not take.
    """
    factory = _factory(written)
    try:
        return factory()
    except UserError:
        raise
    except (TypeError, ValueError, RuntimeError) as error:
        raise CheckpointError(f"checkpoint does not fit {written['class_path']}: {error}") from error


def _factory(written: object) -> functools.partial[nn.Module]:
    match written:
        case {"class_path": str(path), "init_args": {**arguments}} if _is_plain(arguments):
            keywords: dict[str, Any] = {
                str(key): _factory(value) if _is_recipe(value) else value for key, value in arguments.items()
            }
            return functools.partial(_find(path), **keywords)
    raise CheckpointError("checkpoint holds no recipe of a network")


def _find(path: str) -> Factory:
    module, _, name = path.rpartition(".")
    try:
        found: Factory = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, TypeError, ValueError) as error:
        raise CheckpointError(f"checkpoint names {path}, which cannot be imported here") from error
    if not _makes_module(found):
        raise CheckpointError(f"checkpoint names {path}, which makes no torch module")
    return found


def _makes_module(factory: object) -> bool:
    if inspect.isclass(factory):
        from_code = any(f"{base.__module__}.".startswith("torch.fx.") for base in factory.__mro__)
        return issubclass(factory, nn.Module) and not from_code
    if not inspect.isfunction(factory) or factory.__module__.partition(".")[0] == "torch":
        return False
    try:
        made = typing.get_type_hints(factory).get("return")
    except (NameError, TypeError):  # an annotation that only type checkers can resolve
        return False
    return inspect.isclass(made) and issubclass(made, nn.Module)


def _public_path(factory: Factory, name: str) -> str:
    """Prefer ``xaicf.nn.TwoConv`` to the file it lies in: files move, public names stay."""
    parts = factory.__module__.split(".")
    for length in range(1, len(parts) + 1):
        package = ".".join(parts[:length])
        if getattr(importlib.import_module(package), name, None) is factory:
            return f"{package}.{name}"
    raise InputError(f"network must be importable by name, got {factory!r}")


def _is_recipe(value: object) -> bool:
    return isinstance(value, dict) and set(value) == {"class_path", "init_args"}


def _is_plain(value: object) -> bool:
    if isinstance(value, list | tuple):
        return all(_is_plain(item) for item in value)
    if isinstance(value, dict):
        return all(isinstance(key, str) and _is_plain(item) for key, item in value.items())
    return value is None or isinstance(value, bool | int | float | str)
