"""Right losses in random spellings, each with exactly one defect planted at a known line, or none."""

from dataclasses import dataclass

from hypothesis import strategies as st

from .checks import LosscheckFailed
from .defects import BINARY, CATEGORICAL, DEFECTS, HEADER, MARK, NONE, REGRESSION, RETURN, Defect

_RANK = {"note": 0, "warning": 1, "error": 2}
#: Task → spellings of the loss of each element. None has a kink, a guard or a limit of its own to speak of.
_ELEMENTS = {
    REGRESSION: (
        "tf.square({t} - {p})",
        "tf.math.squared_difference({p}, {t})",
        "({p} - {t}) ** 2",
        "tf.abs({t} - {p})",
        "tf.math.softplus(2.0 * ({p} - {t})) - ({p} - {t}) - tf.math.log(2.0)",
        "tf.sqrt(tf.square({t} - {p}) + 1e-3)",
        "ops.square({t} - {p})",
    ),
    BINARY: (
        "-({t} * tf.math.log({p} + 1e-6) + (1.0 - {t}) * tf.math.log(1.0 - {p} + 1e-6))",
        "tf.square({t} - {p})",
        "-tf.math.log(tf.clip_by_value({t} * {p} + (1 - {t}) * (1 - {p}), 1e-6, 1.0))",
        "keras.ops.square({p} - {t})",
    ),
    CATEGORICAL: (
        "-{t} * tf.math.log({p} + 1e-6)",
        "tf.square({p} - {t})",
        "-({t} * tf.math.log(tf.clip_by_value({p}, 1e-6, 1.0)))",
        "tf.multiply({t}, -tf.math.log(tf.maximum({p}, 1e-6)))",
    ),
}
#: Task → how the comment on the header tells it.
_SPECS = {
    REGRESSION: "y_true=float32[B,3]:real y_pred=float32[B,3]:real",
    BINARY: "y_true=float32[B,4]:binary y_pred=float32[B,4]:prob",
    CATEGORICAL: "y_true=float32[B,5]:onehot y_pred=float32[B,5]:simplex",
}
_RETURNS = (
    "return tf.reduce_mean({e}, axis=-1)",
    "return tf.reduce_sum({e}, axis=-1)",
    "return tf.math.reduce_mean({e}, -1)",
)
_NAMES = ("my_loss", "loss_of_mine", "verlust", "criterion", "objektiv", "L", "_private", "compute")
_PARAMETERS = (("y_true", "y_pred"), ("y_true", "y_pred"), ("y", "yhat"), ("target", "output"))
_HARMLESS = ("two = 2.0", "# nothing here", "name = 'loss'", "numbers = [i for i in range(3)]", "")
_FORMS = ("function", "typed", "class", "factory", "helper")
_IMPORTS = ("import keras", "import numpy as np", "import tensorflow as tf", "from keras import ops")


@dataclass(frozen=True)
class Planted:
    """A file with one loss and one defect, or none."""

    text: str
    name: str  #: of the loss
    defect: Defect
    lines: frozenset[int]  #: any of these is right

    @property
    def in_child(self):
        """Whether it hangs or ends the process that calls it."""
        return self.defect.in_child


@st.composite
def planted(draw, defects=(NONE, NONE, *DEFECTS)):
    """Files with a right loss and one of the defects, as `Planted`."""
    defect = draw(st.sampled_from(defects))
    task = draw(st.sampled_from(defect.tasks))
    form = draw(st.sampled_from(_FORMS))
    t, p = draw(st.sampled_from(_PARAMETERS))
    e = draw(st.sampled_from(("error", "e", "per_element", "fehler_ß")))
    name = draw(st.sampled_from(_NAMES))
    elements = defect.elements or draw(st.sampled_from(_ELEMENTS[task]))
    harmless = draw(st.lists(st.sampled_from(_HARMLESS), max_size=3))
    body = [
        *draw(
            st.sampled_from(
                ((), ('"""A loss."""',), ("'''A loss.", "", "    Over several lines.", "    '''"))
            )
        ),
        *harmless[:1],
        *defect.before,
        f"{{e}} = {elements}",
        *harmless[1:2],
        *defect.after,
        *harmless[2:],
        defect.returned or draw(st.sampled_from(_RETURNS)),
    ]
    body = [line.replace("{t}", t).replace("{p}", p).replace("{e}", e) for line in body]
    comment = f"  # losscheck: {_SPECS[task]}" if task != REGRESSION or draw(st.booleans()) else ""
    lines = [
        *_IMPORTS,
        *defect.module,
        "",
        "",
        *_written(form, name, f"{t}, {p}{defect.extra}", body, comment),
    ]
    places = {HEADER: ("def ", "    def ", "class ", "@", f"{name} ="), RETURN: ("    return helper(",)}
    also = tuple(beginning for place in defect.places for beginning in places[place])
    right = (number for number, line in enumerate(lines, 1) if line.endswith(MARK) or line.startswith(also))
    return Planted("".join(line.removesuffix(MARK) + "\n" for line in lines), name, defect, frozenset(right))


def _written(form, name, parameters, body, comment):
    """The loss in one of the ways to write it."""
    if form == "class":
        inside = [f"        {line}" for line in body]
        register = "@keras.saving.register_keras_serializable()"
        return [
            register,
            f"class {name}(keras.losses.Loss):{comment}",
            f"    def call(self, {parameters}):",
            *inside,
        ]
    if form == "factory":
        inside = [f"        {line}" for line in body]
        made = [f"    def {name}({parameters}):", *inside, f"    return {name}"]
        return ["def make(gamma=2.0):", *made, "", "", f"{name} = make(){comment}"]
    inside = [f"    {line}" for line in body]
    if form == "helper":
        call = f"def {name}({parameters}):{comment}", f"    return helper({parameters})"
        return [f"def helper({parameters}):", *inside, "", "", *call]
    note = ": tf.Tensor" if form == "typed" else ""
    typed = ", ".join(f"{word}{note}" for word in parameters.split(", "))
    return [f"def {name}({typed}){' -> tf.Tensor' * bool(note)}:{comment}", *inside]


def _is_owed(finding, text):
    """Whether it is what the catalogue says of a `Loss` that aligns no ranks and whose inputs nobody told."""
    return finding.code == "LC101" and "(keras.losses.Loss)" in text and "# losscheck:" not in text


def hold_planted(result, case):
    """Raise `LosscheckFailed` where a planted defect is not found at its line, or a right loss is blamed."""
    findings = result.report.findings if result.report else ()
    said = ", ".join(f"{f.code}@{f.location.line} {f.severity.value}" for f in findings) or "nothing"
    if case.defect is NONE:
        loud = [f for f in findings if f.severity.value != "note" and not _is_owed(f, case.text)]
        if loud:
            raise LosscheckFailed(f"a right loss is blamed: {said}\n" + "\n".join(f.message for f in loud))
        return
    codes, least = case.defect.codes.split(), _RANK[case.defect.severity]
    named = [f for f in findings if f.code in codes and f.location.line in case.lines]
    if not any(f.severity.rank >= least for f in named):
        wanted = f"{case.defect.codes} at {sorted(case.lines)}"
        messages = "\n".join(f"{f.code}: {f.message}" for f in findings)
        raise LosscheckFailed(f"{case.defect.name}: {wanted} was planted, found {said}\n{messages}")
