"""Reads the arrays that the user saved: ``np.savez("batch.npz", y_true=…, y_pred=…)``."""

from __future__ import annotations

import difflib
import zipfile
from pathlib import Path

import numpy as np

from losscheck.exceptions import SpecError

#: What a file may hold; the weights are only checked: the probes choose weights of their own.
_REQUIRED, _OPTIONAL = ("y_true", "y_pred"), ("sample_weight",)


def read_batch(path: str) -> tuple[np.ndarray, np.ndarray]:
    """``y_true`` and ``y_pred`` of an ``.npz`` file.

    Raises:
        SpecError: there is no such file, it is none of NumPy's, or an array is missing or has other rows.

    """
    if Path(path).exists() and not Path(path).is_file():  # a pipe would never end
        raise SpecError(f"cannot read `{path}`: it is no .npz")
    try:
        file = np.load(path, allow_pickle=False)
        if isinstance(file, np.ndarray):
            raise SpecError(f"`{path}` holds one array: save both with `np.savez`")
        with file:
            arrays = {name: file[name] for name in file.files}
    except SpecError:
        raise
    except FileNotFoundError:
        raise SpecError(f"no such file: {path}") from None
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        reason = (
            "its arrays hold Python objects" if "pickle" in str(error) and _is_zip(path) else "it is no .npz"
        )
        raise SpecError(f"cannot read `{path}`: {reason}") from None
    for name in arrays:
        if name not in (*_REQUIRED, *_OPTIONAL):
            near = difflib.get_close_matches(name, [*_REQUIRED, *_OPTIONAL], n=1)
            meant = f"; did you mean `{near[0]}`?" if near else ""
            raise SpecError(
                f"`{path}` has an array `{name}`, which is none of y_true, y_pred, sample_weight{meant}"
            )
    missing = [name for name in _REQUIRED if name not in arrays]
    if missing:
        raise SpecError(
            f"`{path}` has no array `{missing[0]}`: save it with `np.savez(file, y_true=…, y_pred=…)`"
        )
    y_true, y_pred = arrays["y_true"], arrays["y_pred"]
    for name, array in arrays.items():
        if array.ndim == 0:
            raise SpecError(f"`{name}` in `{path}` is a scalar: give an array with a batch axis")
        if array.dtype.kind not in "biuf":
            raise SpecError(f"`{name}` in `{path}` holds no numbers but `{array.dtype}`")
        if len(array) != len(y_pred) or not len(array):
            raise SpecError(
                f"`{name}` in `{path}` has {len(array)} rows and `y_pred` has {len(y_pred)}"
                if len(array) != len(y_pred)
                else f"`{name}` in `{path}` has no rows"
            )
    return y_true, y_pred


def _is_zip(path: str) -> bool:
    return Path(path).is_file() and zipfile.is_zipfile(path)
