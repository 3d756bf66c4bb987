"""Writes the source of a file with one loss: a random tree of TensorFlow ops over both arguments.

Each expression has a shape in mind, so that most losses run; now and then a tree takes a branch of another
shape, and an op or a statement that does not fit.
"""

from dataclasses import dataclass
from enum import Enum

from hypothesis import strategies as st

from .templates import (
    AXES,
    COMMENTS,
    DTYPES,
    EFFECTS,
    INDEX,
    NAMES,
    NUMBERS,
    ONE,
    PER_SAMPLE,
    REDUCE,
    RETURNS,
    SIZES,
    TWO,
)


@dataclass(frozen=True)
class Source:
    """A file with a loss."""

    text: str
    name: str  #: of the loss in it


class Shape(Enum):
    """What an expression is meant to be."""

    ROWS = "rows"  #: floats, one row for each sample
    SAMPLE = "sample"  #: floats, one for each sample
    NUMBER = "number"  #: one float
    MASK = "mask"  #: booleans, one row for each sample
    IDS = "ids"  #: integers, one for each sample


_IMPORTS = """\
import math
import os
import random
import time

import keras
import numpy as np
import tensorflow as tf
from keras import backend as K
from keras import ops
"""
_GLOBALS = """
HISTORY = []
STATE = {"calls": 0}
ALPHA = 0.25
WEIGHTS = [1.0, 2.0, 0.5]
TABLE = np.linspace(0.0, 1.0, 10, dtype="float32")
EYE = tf.eye(4)
"""
_PARAMETERS = (("y_true", "y_pred"), ("y_pred", "y_true"), ("true", "pred"), ("a", "b"), ("labels", "logits"))
_SMALL = ("0", "1", "-1", "2", "3", "10")


class _Tree:
    """One loss being written."""

    def __init__(self, draw, depth):
        self.draw = draw
        self.depth = depth
        self.variables = {shape: [] for shape in Shape}
        self.variables[Shape.ROWS] = ["y_true", "y_pred", "y_pred", "(y_true - y_pred)"]
        self.counter = 0

    def pick(self, *options):
        return self.draw(st.sampled_from(options))

    def chance(self, one_in):
        """True once in so many; False is the simplest."""
        return self.draw(st.integers(0, one_in - 1)) == one_in - 1

    def expression(self, shape, depth=None):
        """Source of an expression that is meant to have a shape."""
        depth = self.depth if depth is None else depth
        if self.chance(40):
            shape = self.pick(*Shape)
        if depth <= 0:
            return self.leaf(shape)
        return getattr(self, f"_{shape.value}")(depth - 1)

    def leaf(self, shape):
        if self.variables[shape]:
            return self.pick(*self.variables[shape])
        return {
            Shape.SAMPLE: "tf.reduce_mean(y_true - y_pred, axis=-1)",
            Shape.NUMBER: self.pick(*NUMBERS),
            Shape.MASK: "(y_true > 0.5)",
            Shape.IDS: "tf.argmax(y_true, axis=-1)",
        }[shape]

    def _rows(self, depth):
        of = self.expression
        rows, number = Shape.ROWS, Shape.NUMBER
        match self.pick(
            "two",
            "one",
            "one",
            "leaf",
            "number",
            "cast",
            "where",
            "one_hot",
            "keepdims",
            "shape",
            "cond",
            "loop",
            "gather",
        ):
            case "two":
                return self.pick(*TWO).format(of(rows, depth), of(rows, depth))
            case "one":
                text = of(rows, depth)
                return self.pick(*ONE).format(text, text)
            case "number":
                return f"({of(rows, depth)} {self.pick('*', '+', '-', '/')} {of(number, depth)})"
            case "cast":
                return f"tf.cast({of(self.pick(rows, Shape.MASK), depth)}, {self.pick(*DTYPES)})"
            case "where":
                test, one, other = of(Shape.MASK, depth), of(rows, depth), of(self.pick(rows, number), depth)
                return f"tf.where({test}, {one}, {other})"
            case "one_hot":
                width = self.pick("4", "10", "tf.shape(y_pred)[-1]", "y_pred.shape[-1]", "3")
                return f"tf.one_hot({of(Shape.IDS, depth)}, {width})"
            case "keepdims":
                return f"{self.pick(*REDUCE)}({of(rows, depth)}, {self.pick(*AXES)}, keepdims=True)"
            case "shape":
                sizes = ", ".join(self.pick(*SIZES) for _ in range(self.draw(st.integers(1, 3))))
                return f"tf.reshape({of(rows, depth)}, [{sizes}])"
            case "cond":
                branches = of(rows, depth), of(rows, depth)
                test = f"{of(number, depth)} > {of(number, 0)}"
                return self.pick(
                    f"tf.cond({test}, lambda: {branches[0]}, lambda: {branches[1]})",
                    f"({branches[0]} if {test} else {branches[1]})",
                    f"tf.where({test}, {branches[0]}, {branches[1]})",
                )
            case "loop":
                step = "lambda i, v: i < 3, lambda i, v: (i + 1, v * 0.5)"
                return f"tf.while_loop({step}, [0, {of(rows, depth)}])[1]"
            case "gather":
                return self.pick(
                    f"tf.gather({of(rows, depth)}, {self.pick('[0]', '[0, 1]', '0', '[5]')}, axis=-1)",
                    f"{of(rows, depth)}{self.pick(*INDEX)}",
                    f"tf.boolean_mask({of(rows, depth)}, {of(Shape.MASK, depth)})",
                    f"tf.math.top_k({of(rows, depth)}, k={self.pick('1', '2', '50')}).values",
                    f"tf.split({of(rows, depth)}, 2, axis=-1)[0]",
                    f"tf.unstack({of(rows, depth)}, axis={self.pick('-1', '0')})[0]",
                )
        return self.leaf(rows)

    def _sample(self, depth):
        of = self.expression
        rows, sample, number = Shape.ROWS, Shape.SAMPLE, Shape.NUMBER
        match self.pick("reduce", "reduce", "leaf", "keras", "two", "one", "index", "map", "scale"):
            case "reduce":
                return f"{self.pick(*REDUCE)}({of(rows, depth)}, axis={self.pick('-1', '-1', '-1', *AXES)})"
            case "keras":
                return self.pick(*PER_SAMPLE).format(of(rows, depth), of(rows, depth))
            case "two":
                return self.pick(*TWO[:13]).format(of(sample, depth), of(sample, depth))
            case "one":
                text = of(sample, depth)
                return self.pick(*ONE).format(text, text)
            case "index":
                return f"{of(rows, depth)}{self.pick(*INDEX)}"
            case "map":
                one = self.pick("tf.reduce_sum(pair[0] * pair[1])", "pair[0]", "tf.norm(pair[0] - pair[1])")
                pair = f"({of(rows, depth)}, {of(rows, depth)})"
                return f"tf.map_fn(lambda pair: {one}, {pair}, fn_output_signature=tf.float32)"
            case "scale":
                return f"({of(sample, depth)} {self.pick('*', '+', '-', '/')} {of(number, depth)})"
        return self.leaf(sample)

    def _number(self, depth):
        of = self.expression
        match self.pick("literal", "reduce", "leaf", "two", "shape", "python", "one"):
            case "literal":
                return self.pick(*NUMBERS)
            case "reduce":
                return f"{self.pick(*REDUCE)}({of(self.pick(Shape.ROWS, Shape.SAMPLE), depth)})"
            case "two":
                return self.pick(*TWO[:9]).format(of(Shape.NUMBER, depth), of(Shape.NUMBER, depth))
            case "shape":
                return self.pick(
                    "tf.cast(tf.shape(y_pred)[0], tf.float32)",
                    "float(y_pred.shape[0])",
                    "y_pred.shape[-1]",
                    "len(y_true)",
                    "tf.size(y_pred, out_type=tf.float32)",
                    "K.int_shape(y_pred)[-1]",
                    "tf.rank(y_pred)",
                    "y_true.shape.rank",
                )
            case "python":
                return self.pick(
                    "np.random.rand()",
                    "random.random()",
                    "time.time()",
                    "STATE['calls']",
                    "tf.random.uniform([])",
                    "len(HISTORY)",
                    "self_alpha",
                    "undefined_name",
                    f"max({of(Shape.NUMBER, depth)}, 0.5)",
                    f"float({of(Shape.NUMBER, depth)})",
                    f"np.mean({of(Shape.ROWS, depth)})",
                    f"{of(Shape.NUMBER, depth)}.numpy()",
                    f"sum({of(Shape.SAMPLE, depth)})",
                )
            case "one":
                text = of(Shape.NUMBER, depth)
                return self.pick(*ONE[:24]).format(text, text)
        return self.leaf(Shape.NUMBER)

    def _mask(self, depth):
        of = self.expression
        match self.pick("compare", "leaf", "logic", "nan"):
            case "compare":
                sign, other = self.pick(">", "<", ">=", "==", "!="), self.pick(Shape.NUMBER, Shape.ROWS)
                return f"({of(Shape.ROWS, depth)} {sign} {of(other, depth)})"
            case "logic":
                return self.pick(
                    "tf.logical_and({}, {})", "({} & {})", "({} | {})", "({} and {})", "tf.not_equal({}, {})"
                ).format(of(Shape.MASK, depth), of(Shape.MASK, depth))
            case "nan":
                return f"tf.math.is_finite({of(Shape.ROWS, depth)})"
        return self.leaf(Shape.MASK)

    def _ids(self, depth):
        rows = self.expression(Shape.ROWS, depth)
        return self.pick(
            f"tf.argmax({rows}, axis=-1)",
            f"tf.cast({rows}, tf.int32)",
            "tf.range(tf.shape(y_pred)[0])",
            "tf.cast(tf.reshape(y_true, [-1]), tf.int64)",
            f"tf.argsort({rows})[:, 0]",
            f"tf.math.argmin({rows}, axis=0)",
        )

    def formatted(self, template, depth=1):
        """A template with an expression for each shape that it names."""
        wanted = {shape.value: shape for shape in Shape if f"{{{shape.value}}}" in template}
        return template.format(**{name: self.expression(shape, depth) for name, shape in wanted.items()})

    def statements(self, indent):
        """Lines of a body up to its return."""
        lines = []
        for _ in range(self.draw(st.integers(0, 4))):
            lines += self._statement(indent)
        return lines

    def _statement(self, indent):
        match self.pick(
            "assign",
            "assign",
            "assign",
            "cast",
            "effect",
            "branch",
            "for",
            "augment",
            "nested",
            "unpack",
            "item",
            "try",
        ):
            case "assign":
                shape = self.pick(Shape.ROWS, Shape.SAMPLE, Shape.NUMBER, Shape.MASK, Shape.IDS)
                text = self.expression(shape)
                self.counter += 1
                name = f"{self.pick('v', 'error', 'ergebnis_ß', '_t')}{self.counter}"
                self.variables[shape].append(name)
                return [f"{indent}{name} = {text}{self.pick(*COMMENTS)}"]
            case "cast":
                name = self.pick("y_true", "y_pred")
                text = self.pick(
                    "tf.cast({}, {})",
                    "tf.cast({}, y_pred.dtype)",
                    "tf.convert_to_tensor({}, {})",
                    "tf.constant({})",
                    "tf.reshape({}, [-1])",
                )
                return [f"{indent}{name} = {text.format(name, self.pick(*DTYPES))}"]
            case "effect":
                return [indent + self.formatted(self.pick(*EFFECTS))]
            case "branch":
                test = self.formatted(
                    self.pick(
                        "{number} > 0",
                        "{rows} is None",
                        "training",
                        "y_pred.shape.rank == 2",
                        "{mask}",
                        "tf.reduce_any({mask})",
                        "y_pred.shape[0] == 8",
                        "len(HISTORY) < 3",
                    )
                )
                body = self.pick(
                    "y_pred = {rows}", "return {sample}", "raise ValueError('no')", "pass", "y_true = {rows}"
                )
                return [f"{indent}if {test}:", f"{indent}    {self.formatted(body)}"]
            case "for":
                over = self.formatted(
                    self.pick(
                        "range(3)",
                        "range(2)",
                        "{rows}",
                        "range(y_pred.shape[0])",
                        "tf.range(3)",
                        "WEIGHTS",
                        "zip(y_true, y_pred)",
                    )
                )
                body = self.pick(
                    "y_pred = y_pred * 0.9", "y_pred += {number}", "HISTORY.append(index)", "tf.print(index)"
                )
                return [f"{indent}for index in {over}:", f"{indent}    {self.formatted(body)}"]
            case "augment":
                sign, shape = self.pick("*=", "+=", "-=", "/=", "**="), self.pick(Shape.NUMBER, Shape.ROWS)
                return [f"{indent}y_pred {sign} {self.expression(shape)}"]
            case "nested":
                self.counter += 1
                name = f"inner{self.counter}"
                decorator = self.pick("", "@tf.function", "@tf.custom_gradient", "@tf.recompute_grad")
                returned = (
                    "p * 2, lambda up: up"
                    if "custom" in decorator
                    else self.pick("p * 2", "tf.abs(p) + ALPHA", "p")
                )
                lines = [decorator, f"def {name}(p):", f"    return {returned}"]
                self.variables[Shape.ROWS].append(f"{name}(y_pred)")
                return [indent + line for line in lines if line]
            case "unpack":
                self.counter += 1
                first, second = f"left{self.counter}", f"right{self.counter}"
                self.variables[Shape.ROWS] += [first, second]
                return [
                    indent
                    + self.formatted(
                        f"{first}, {second} = "
                        + self.pick(
                            "tf.split({rows}, 2, axis=-1)",
                            "{rows}, {rows}",
                            "{rows}",
                            "tf.nn.moments({rows}, [0])",
                            "{rows}[:, :1], {rows}[:, 1:]",
                        )
                    )
                ]
            case "item":
                return [
                    indent
                    + self.formatted(
                        self.pick(
                            "y_pred[0] = {number}",
                            "WEIGHTS[0] = {number}",
                            "y_pred.cache = 1",
                            "del y_true",
                            "yield {number}",
                            "return",
                            "await_ = 1",
                        )
                    )
                ]
            case "try":
                return [
                    f"{indent}try:",
                    f"{indent}    y_pred = {self.expression(Shape.ROWS)}",
                    f"{indent}except Exception:",
                    f"{indent}    pass",
                ]
        raise AssertionError

    def body(self, indent):
        lines = []
        if self.chance(6):
            lines.append(
                indent
                + self.pick(
                    '"""A loss."""',
                    '"""Args:\n        y_true: shape (batch, 4), one-hot.\n    """',
                    "'''losscheck: task=binary'''",
                )
            )
        lines += self.statements(indent)
        if self.chance(10):
            returned = self.formatted(self.pick(*RETURNS))
        else:
            returned = self.expression(self.pick(Shape.SAMPLE, Shape.NUMBER, Shape.SAMPLE, Shape.ROWS))
        if not self.chance(40):
            lines.append(f"{indent}return {returned}{self.pick('', '', *COMMENTS)}")
        return lines or [f"{indent}pass"]


@st.composite
def trees(draw):
    """Files with one loss each, as `Source`."""
    tree = _Tree(draw, draw(st.integers(1, 4)))
    name = tree.pick(*NAMES)
    form = tree.pick(
        "function",
        "function",
        "function",
        "class",
        "factory",
        "decorated",
        "lambda",
        "partial",
        "instance",
        "layer",
    )
    one, two = tree.pick(_PARAMETERS[0], _PARAMETERS[0], *_PARAMETERS)
    extra = tree.pick(
        "",
        "",
        "",
        "",
        ", alpha=0.5",
        ", sample_weight=None",
        ", *args",
        ", **kwargs",
        ", epoch",
        ", *, training=False",
    )
    note = tree.pick("", "", ": tf.Tensor", ": 'float32[B, 4]'")
    parameters = f"{one}{note}, {two}{note}{extra}"
    renamed = [] if (one, two) == _PARAMETERS[0] else [f"    y_true, y_pred = {one}, {two}"]
    renamed += [] if "training" in extra else ["    training = False"] if tree.chance(3) else []
    head = [_IMPORTS, _GLOBALS]
    if tree.chance(20):
        head.append(
            tree.pick(
                "tf.config.run_functions_eagerly(True)",
                "keras.mixed_precision.set_global_policy('mixed_float16')",
                "raise RuntimeError('at import')",
                "from __future__ import annotations",
                "def broken(:",
                "print('imported')",
                "keras.backend.set_floatx('float64')",
                "import missing_module",
                "tf.random.set_seed(0)",
                "x = tf.constant([1.0]) / 0",
            )
        )
    helped = tree.pick(
        "x", "x * 2", "tf.abs(x)", "tf.nn.softmax(x)", "x.numpy()", "tf.stop_gradient(x)", "x[:, 0]"
    )
    head.append(f"\n\ndef helper(x):\n    return {helped}\n")
    total = tree.pick("total", "total / tf.reduce_sum(total)", "x * ALPHA")
    head.append(f"\ndef scaled(x, y):\n    total = x + y\n    return {total}\n\n")
    body = renamed + tree.body("    ")
    comment = tree.pick(*COMMENTS)
    match form:
        case "class":
            inside = ["    " + line for line in body]
            head.append(f"class {name}(keras.losses.Loss):{comment}")
            if tree.chance(3):
                head += [
                    "    def __init__(self, gamma=2.0, **kwargs):",
                    tree.pick(
                        "        super().__init__(**kwargs)",
                        "        pass",
                        "        super().__init__(name='x')",
                        "        super().__init__(reduction=None)",
                    ),
                    "        self.gamma = gamma",
                    "",
                ]
            head.append(f"    def {tree.pick('call', 'call', 'call', '__call__')}(self, {parameters}):")
            head += inside
            if tree.chance(4):
                head += [
                    "",
                    "    def get_config(self):",
                    "        return "
                    + tree.pick("{}", "super().get_config()", "{'gamma': self.gamma}", "None"),
                ]
        case "factory":
            inner = ["    " + line for line in body]
            head += [
                "def make(gamma=2.0):",
                f"    def {name}({parameters}):{comment}",
                *inner,
                f"    return {name}",
                "",
                f"{name} = make()",
            ]
        case "decorated":
            decorator = tree.pick(
                "@tf.function",
                "@tf.function(jit_compile=True)",
                "@keras.saving.register_keras_serializable()",
                "@tf.autograph.experimental.do_not_convert",
                "@tf.function(reduce_retracing=True)",
                "@tf.custom_gradient",
                "@staticmethod",
            )
            head += [decorator, f"def {name}({parameters}):{comment}", *body]
        case "lambda":
            head.append(f"{name} = lambda y_true, y_pred: {tree.expression(Shape.SAMPLE)}{comment}")
        case "partial":
            head += [
                "import functools",
                "",
                f"def base({parameters}):",
                *body,
                "",
                f"{name} = functools.partial(base)",
            ]
        case "instance":
            inside = ["    " + line for line in body]
            head += [
                "class Thing:",
                "    gamma = 2.0",
                f"    def __call__(self, {parameters}):",
                *inside,
                "",
                f"{name} = Thing(){comment}",
            ]
        case "layer":
            head += [
                "scale = keras.layers.Dense(4)",
                f"def {name}({parameters}):{comment}",
                "    y_pred = scale(y_pred)",
                *body,
            ]
        case _:
            head += [f"def {name}({parameters}):{comment}", *body]
    return Source("\n".join(head) + "\n", name)
