"""Lines that the bodies of several kinds share."""

from __future__ import annotations


def trying(lines: list[str]) -> list[str]:
    """The lines, and ``return True`` where they raise."""
    return [
        "try:",
        *(f"    {line}" for line in lines),
        "except Exception as error:  # noqa: BLE001",
        '    print(f"raises {type(error).__name__}: {error}")',
        "    return True",
    ]


def model_lines(loss: str, optimizer: str = '"sgd"') -> list[str]:
    """A model whose prediction is its input, compiled."""
    return [
        'layer = keras.layers.Dense(y_pred.shape[-1], kernel_initializer="identity")',
        "model = keras.Sequential([keras.Input(y_pred.shape[1:]), layer])",
        f"model.compile(optimizer={optimizer}, loss={loss})",
    ]


def fit(loss: str) -> list[str]:
    """An epoch of training whose last batch is smaller."""
    return [
        *model_lines(loss),
        "x, y = tf.concat([y_pred, y_pred[:2]], 0), tf.concat([y_true, y_true[:2]], 0)",
        "model.fit(x, y, batch_size=len(y_pred), shuffle=False, verbose=0)",
    ]


def gradient_step(call: str) -> list[str]:
    """A function that gives the loss and its gradient."""
    return [
        "def step(y_true, y_pred):",
        "    with tf.GradientTape() as tape:",
        "        tape.watch(y_pred)",
        f"        value = {call}(y_true, y_pred)",
        "    return value, tape.gradient(value, y_pred)",
        "",
    ]
