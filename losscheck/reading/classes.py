"""What a `Loss` subclass leaves out of its config."""

from __future__ import annotations

import ast

from losscheck.reading.source import Source

_OF_KERAS = {"name", "reduction"}  # what the config of `Loss` holds


def config_gap(source: Source) -> tuple[ast.FunctionDef, str] | None:
    """The `__init__` that does not go together with the config that Keras saves, and why."""
    methods = source.module.methods
    init = methods.get("__init__")
    if init is None or not source.is_keras_loss or {"from_config", "get_config"} & methods.keys():
        return None
    names = {argument.arg for argument in (*init.args.args[1:], *init.args.kwonlyargs)}
    own = sorted(names - _OF_KERAS - {"dtype"})
    if own:
        return init, f"without `get_config` a reload loses `{own[0]}`"
    if init.args.kwarg is None and not names >= _OF_KERAS:
        return init, "`from_config` passes `name` and `reduction`, and it does not take both"
    return None
