"""The body of a script's ``is_reproduced`` for each kind of demonstration, as lines of Python.

The lines use `loss`, what the user compiles, and the tensors `y_true` and `y_pred`, `other_true` and
`other_pred`, …; they end with a ``return`` of the condition.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

from losscheck.finding import Finding, Mode
from losscheck.recipe import (
    Gradients,
    ImportRaises,
    Operations,
    Raises,
    Recipe,
    ReturnsNoLoss,
    Special,
    Values,
    Way,
    WhileTracing,
)
from losscheck.repro.layout import double_quoted
from losscheck.repro.snippets import fit, gradient_step, model_lines, trying
from losscheck.repro.special import SPECIAL
from losscheck.repro.tracing import WATCHED

#: The modes in which a loss raises, the one that shows it soonest first.
_ORDER = (Mode.EAGER, Mode.GRADIENT, Mode.GRAPH, Mode.FIT, Mode.XLA, Mode.SYMBOLIC)
_NTH = ("first", "second", "third", "fourth")
_SLOPES = ("slope", "other_slope")
_SIGNATURE = "signature = [tf.TensorSpec([None, *x.shape[1:]], x.dtype) for x in (y_true, y_pred)]"


@dataclass(frozen=True)
class Scene:
    """What a body may speak of."""

    finding: Finding
    call: str  #: ``loss`` or ``loss.call``: what gives the per-sample loss
    inputs: tuple[str, ...]  #: the arguments of each batch, ``y_true, y_pred``
    words: tuple[str, ...]  #: the batches in words

    def arguments(self, number: int) -> str:
        """The arguments of the call of this number; the last batch serves the rest."""
        return self.inputs[min(number, len(self.inputs) - 1)] if self.inputs else "y_true, y_pred"

    def filled(self, text: str) -> str:
        """The text with the evidence of the finding, quoted as Python source, for ``{name}``."""
        quoted = {name: _Quoted(value) for name, value in self.finding.evidence.items()}
        return text.format(**{"call": self.call, "place": self.place, **quoted})

    @property
    def place(self) -> str:
        """The Python value that the finding names, as the script reaches it."""
        name = str(self.finding.evidence.get("name", ""))
        return f"loss.{name.removeprefix('self.')}" if name.startswith("self.") else f"module.{name}"


class _Quoted:
    """Formats a value as Python source, whatever text it holds."""

    def __init__(self, value: object) -> None:
        self._value = value

    def __format__(self, spec: str) -> str:
        return double_quoted(self._value) if isinstance(self._value, str) else repr(self._value)


@functools.singledispatch
def body(recipe: Recipe, scene: Scene) -> list[str]:
    """The lines of a body, without their indent."""
    raise NotImplementedError(type(recipe).__name__)


@body.register
def _raises(recipe: Raises, scene: Scene) -> list[str]:
    mode = recipe.mode or next((mode for mode in _ORDER if mode in scene.finding.modes), Mode.EAGER)
    call, given = scene.call, scene.arguments(0)
    if recipe.dtype:
        call, given = "loss", f"y_true, tf.cast(y_pred, {double_quoted(recipe.dtype)})"
    lines = {
        Mode.EAGER: [f"{call}({given})"],
        Mode.GRADIENT: [
            "with tf.GradientTape() as tape:",
            "    tape.watch(y_pred)",
            f"    value = {call}({given})",
            'print("the loss is computed:", value.numpy())',
            "tape.gradient(value, y_pred)",
        ],
        Mode.GRAPH: [
            _SIGNATURE,
            f"tf.function({call}).get_concrete_function(*signature)({given})",
        ],
        Mode.FIT: fit("loss"),
        Mode.XLA: [
            *gradient_step(call),
            f"tf.function(step, jit_compile=True, autograph=False)({given})",
        ],
        Mode.SYMBOLIC: [
            f"{call}(*[keras.Input(x.shape[1:], dtype=x.dtype.name) for x in (y_true, y_pred)])",
        ],
    }[mode]
    return [*trying(lines), "return False"]


@body.register
def _returns_no_loss(recipe: ReturnsNoLoss, scene: Scene) -> list[str]:
    return [
        *trying([f"value = {scene.call}({scene.arguments(0)})"]),
        'print("it returns", type(value).__name__, getattr(value, "dtype", ""))',
        "return not (tf.is_tensor(value) and tf.as_dtype(value.dtype).is_floating)",
    ]


@body.register
def _import_raises(recipe: ImportRaises, scene: Scene) -> list[str]:
    return [*trying(["load()"]), "return False"]


@body.register
def _values(recipe: Values, scene: Scene) -> list[str]:
    ways = list(recipe.ways) or [Way.EAGER] * len(scene.inputs)
    if recipe.is_mode and Mode.EAGER not in scene.finding.modes:
        ways = [Way.GRAPH for _ in ways]
    lines: list[str] = []
    if {Way.GRAPH, Way.XLA} & set(ways):
        lines.append(_SIGNATURE)
    for way, options in ((Way.GRAPH, "autograph=False"), (Way.XLA, "autograph=False, jit_compile=True")):
        if way in ways:
            name = "traced" if way is Way.GRAPH else "compiled"
            made = f"tf.function({scene.call}, {options})"
            lines.append(f"{name} = {made}.get_concrete_function(*signature)")
    called: list[str] = []
    for number, way in enumerate(ways):
        called += _called(way, _NTH[number], scene, scene.arguments(number))
    lines += trying(called) if recipe.or_raises else called
    for number, way in enumerate(ways):
        words = scene.words[min(number, len(scene.words) - 1)]
        lines.append(f"print({double_quoted(f'{way.value}, {words}:')}, {_NTH[number]})")
    return [*lines, f"return bool({scene.filled(recipe.shows)})"]


def _called(way: Way, name: str, scene: Scene, given: str) -> list[str]:
    true, pred = given.split(", ")
    if way is Way.FIT:
        return [
            *model_lines("loss", "keras.optimizers.SGD(0.0)"),
            f"history = model.fit({pred}, {true}, batch_size=len({pred}), verbose=0)",
            f'{name} = np.float32(history.history["loss"][0])',
        ]
    call = {
        Way.EAGER: f"{scene.call}({given})",
        Way.GRAPH: f"traced({given})",
        Way.XLA: f"compiled({given})",
        Way.HALF: f"loss({true}, tf.cast({pred}, tf.float16))",
        Way.REVERSED: f"{scene.call}(tf.reverse({true}, [0]), tf.reverse({pred}, [0]))",
    }[way]
    return [f"{name} = np.asarray({call})" + "[::-1]" * (way is Way.REVERSED)]


@body.register
def _gradients(recipe: Gradients, scene: Scene) -> list[str]:
    modes = scene.finding.modes
    is_eager = not recipe.is_mode or Mode.GRADIENT in modes
    lines: list[str] = []
    if not is_eager:
        compiled = "" if {Mode.FIT, Mode.GRAPH} & set(modes) else ", jit_compile=True"
        lines = [*gradient_step(scene.call), f"run = tf.function(step, autograph=False{compiled})"]
    for number, given in enumerate(scene.inputs):
        value, slope, pred = _NTH[number], _SLOPES[number], given.split(", ")[1]
        taped = [
            "with tf.GradientTape() as tape:",
            f"    tape.watch({pred})",
            f"    {value} = {scene.call}({given})",
            f"{slope} = tape.gradient({value}, {pred})",
        ]
        lines += [
            *(taped if is_eager else [f"{value}, {slope} = run({given})"]),
            f"print({double_quoted(f'{scene.words[number]}:')}, {value}.numpy())",
            f'print("its gradient:", {slope} if {slope} is None else {slope}.numpy())',
        ]
    return [*lines, f"return bool({scene.filled(recipe.shows)})"]


@body.register
def _operations(recipe: Operations, scene: Scene) -> list[str]:
    condition = scene.filled(recipe.shows)
    above = ["above = {}  # the kinds of operations that each one is made of"] * ("above" in condition)
    add = "    above[op.name] = {op.type}.union(*(above.get(x.op.name, ()) for x in op.inputs))"
    return [
        f"traced = tf.function({scene.call}, autograph=False).get_concrete_function(y_true, y_pred)",
        "found = []",
        *above,
        "for op in traced.graph.get_operations():",
        *[add] * bool(above),
        f"    if {condition}:",
        "        shapes = [tuple(x.shape) for x in (*op.inputs, *op.outputs)]",
        '        print("in the graph:", op.type, op.name, *shapes)',
        "        found.append(op)",
        "return bool(found)",
    ]


@body.register
def _while_tracing(recipe: WhileTracing, scene: Scene) -> list[str]:
    return scene.filled(WATCHED[recipe.effect]).strip().split("\n")


@body.register
def _special(recipe: Special, scene: Scene) -> list[str]:
    return scene.filled(SPECIAL[recipe.template]).strip().split("\n")
