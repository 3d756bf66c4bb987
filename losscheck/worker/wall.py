"""What a loss may have: memory, and the device that it runs on."""

from __future__ import annotations

import os
from collections.abc import Mapping

from losscheck.choices import Device

#: Unless the user has set them: no log lines, Keras on TensorFlow, graphs taken as they are.
_QUIET = {
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "KERAS_BACKEND": "tensorflow",
    # for each op of a new graph it looks through all kernels: a fifth of a check, for graphs that run once
    "TF_ENABLE_ONEDNN_OPTS": "0",
}
#: No GPU, whatever the user has set: a loss that hangs or dies on one can take it from other programs.
_NO_GPU = {"CUDA_VISIBLE_DEVICES": "-1", "HIP_VISIBLE_DEVICES": "-1"}
#: Unless the user has set it: several losses at a time share the memory of the GPU.
_SHARED_GPU = {"TF_FORCE_GPU_ALLOW_GROWTH": "true"}


def environment(device: Device, given: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The environment in which a worker imports TensorFlow: the user's, and what is said here."""
    if device is Device.CPU:
        return _QUIET | dict(given) | _NO_GPU
    return _QUIET | _SHARED_GPU | dict(given)
