"""The exceptions that losscheck raises itself.

LosscheckError
├── TargetError       the target names nothing that can be checked
├── ConfigError       ``pyproject.toml`` says something that losscheck does not know
├── SpecError         an input spec such as ``float32[B, 10]`` cannot be read
├── UndrawableInputsError  the source asks for inputs that cannot be drawn
└── LossCheckFailed   a checked loss has findings (``assert_loss``); an ``AssertionError`` too
"""


class LosscheckError(Exception):
    """Base of every exception that losscheck raises on purpose."""


class TargetError(LosscheckError):
    """The target cannot be found or is no loss; the message says so in one line."""


class ConfigError(LosscheckError):
    """The configuration cannot be read; the message names the file, the table and the key."""


class SpecError(LosscheckError, ValueError):
    """An input spec cannot be read; the message shows the spec and what was expected."""


class LossCheckFailed(LosscheckError, AssertionError):  # noqa: N818 - reads as the assertion it is
    """A loss has findings; the message is the text that the command line prints."""


class UndrawableInputsError(LosscheckError):
    """The source says what the inputs of a loss are, and losscheck cannot draw such."""
