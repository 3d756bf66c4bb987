"""XLA's registry of kernels: a private function of TensorFlow fills it before the first operation does."""

from __future__ import annotations

import contextlib


def register_kernels() -> None:
    """Fill the registry once for all processes that are forked from this one; no operation runs for it.

    Where the function is missing, each process fills its own, as ever.
    """
    with contextlib.suppress(ImportError, AttributeError):
        from tensorflow.python.util import pywrap_xla_ops

        pywrap_xla_ops.get_cpu_kernel_names()
