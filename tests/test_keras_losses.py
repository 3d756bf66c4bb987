"""Every loss that Keras ships is clean, with no configuration."""

import inspect
import json
import subprocess
import sys

import pytest


def shipped():
    """The functions and classes of `keras.losses` that take ``(y_true, y_pred)``."""
    import keras

    for name, thing in vars(keras.losses).items():
        if inspect.isclass(thing) and issubclass(thing, keras.losses.Loss) and thing is not keras.losses.Loss:
            yield name
        elif inspect.isfunction(thing):
            parameters = list(inspect.signature(thing).parameters.values())
            required = [p.name for p in parameters if p.default is p.empty]
            if required == ["y_true", "y_pred"]:
                yield name


@pytest.mark.field
def test_no_loss_of_keras_has_a_finding_at_warning_or_above():
    names = sorted(shipped())
    targets = [f"keras.losses:{name}" for name in names]
    command = [sys.executable, "-m", "losscheck", "--format", "json", "--timeout", "120", *targets]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    report = json.loads(done.stdout)
    loud = {
        loss["name"]: [
            (f["code"], f["line"], f["message"]) for f in loss["findings"] if f["severity"] != "note"
        ]
        for loss in report["losses"]
    }

    assert {name: found for name, found in loud.items() if found} == {}
    assert report["failures"] == []
    assert sorted(loud) == names
    assert len(names) > 30
