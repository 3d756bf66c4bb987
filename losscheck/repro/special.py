"""Bodies that one rule or two need; braces stand for the call and for evidence."""

from __future__ import annotations

from losscheck.repro.saving import SAVING

SPECIAL = SAVING | {
    "order of arguments": """
names = list(inspect.signature({call}).parameters)[:2]
print("Keras passes y_true first; the parameters are", names)
print("as Keras calls it:", np.asarray({call}(y_true, y_pred)).mean())
with tf.GradientTape() as tape:
    tape.watch([y_true, y_pred])
    value = {call}(y_true, y_pred)
slopes = tape.gradient(value, [y_true, y_pred])
print("gradient with respect to y_true and y_pred:", [slope is not None for slope in slopes])
return names == {names}
""",
    "arguments of built-in": """
calls = []

def watch(frame, event, argument):
    if event == "call" and frame.f_code.co_name in ({builtin}, "call"):
        calls.append([frame.f_locals[name] for name in frame.f_code.co_varnames[:3]])

sys.setprofile(watch)
{call}(y_true, y_pred)
sys.setprofile(None)
for given in calls:
    true, pred = given[-2:] if len(given) == 3 and not tf.is_tensor(given[0]) else given[:2]
    print("the built-in gets for y_true:", np.asarray(true), "and for y_pred:", np.asarray(pred))
    if np.array_equal(true, y_pred) and np.array_equal(pred, y_true):
        return True
return False
""",
    "numeric gradient": """
with tf.GradientTape() as tape:
    tape.watch(y_pred)
    value = {call}(y_true, y_pred)
slope = tape.gradient(value, y_pred)
way = np.random.default_rng(0).normal(size=y_pred.shape).astype("float32")
up, down = (tf.reduce_sum({call}(y_true, y_pred + step * way)) for step in (1e-2, -1e-2))
numeric, written = float(up - down) / 2e-2, float(tf.reduce_sum(slope * way))
print("slope along one direction, numeric:", numeric, "from the tape:", written)
return abs(numeric - written) > 0.05 * max(abs(numeric), abs(written))
""",
    "unused tape": """
tape = tf.GradientTape
with contextlib.ExitStack() as stack:
    spies = [
        stack.enter_context(mock.patch.object(tape, name, autospec=True, side_effect=getattr(tape, name)))
        for name in ("__enter__", "gradient", "jacobian", "batch_jacobian")
    ]
    {call}(y_true, y_pred)
opened, *asked = [spy.call_count for spy in spies]
print("tapes opened:", opened, "- asked for a gradient:", sum(asked))
return opened > sum(asked)
""",
    "watched variables": """
with tf.GradientTape() as tape:
    {call}(y_true, y_pred)
watched = [tuple(variable.shape) for variable in tape.watched_variables()]
print("shapes of the trainable variables that the loss reads:", watched)
return tuple({shape}) in watched
""",
    "frozen value": """
module = sys.modules[loss.__module__]
traced = tf.function({call}, autograph=False).get_concrete_function(y_true, y_pred)
before = {place}
if isinstance(before, tf.Variable):
    return False
{place} = not before if isinstance(before, bool) else 2 * before + 1
eager, graph = np.asarray({call}(y_true, y_pred)), np.asarray(traced(y_true, y_pred))
print("after", {name}, "went from", before, "to", {place})
print("eagerly:", eager)
print("in the graph traced before:", graph)
{place} = before
return not np.allclose(eager, graph, rtol=1e-4)
""",
    "retraces": """
files = {{inspect.getfile(inspect.unwrap(getattr({call}, "__func__", {call})))}}
traced = []

def watch(frame, event, argument):
    name = frame.f_code.co_filename
    if event == "call" and (name in files or "__autograph_generated" in name) and tf.inside_function():
        traced[-1] += 1

for _ in range(3):
    traced.append(0)
    sys.setprofile(watch)
    {call}(y_true, y_pred)
    sys.setprofile(None)
print("Python functions run in a trace, by eager call on the same batch:", traced)
return traced[1] > 0 and traced[2] > 0
""",
    "siblings": """
held = list(vars(sys.modules[loss.__module__]).values())
for value in list(held):
    held += value.values() if isinstance(value, dict) else value if isinstance(value, (list, tuple)) else []
same = [value for value in held if getattr(value, "__code__", None) is loss.__code__]
siblings = list({{id(value): value for value in same}}.values())
values = [np.asarray(sibling(y_true, y_pred)) for sibling in siblings]
print("losses made by the same code:", len(siblings))
print(*values, sep="\\n")
return len(values) > 1 and all(np.array_equal(value, values[0]) for value in values)
""",
    "falls": """
with tf.GradientTape() as tape:
    tape.watch(y_pred)
    value = {call}(y_true, y_pred)
slope = tape.gradient(value, y_pred)
downhill = 0.0 if slope is None else -slope / tf.reduce_max(tf.abs(slope))
values = []
for step in (1e2, 1e3, 1e4):
    moved = {{
        "times": y_pred * step,
        "times -1 times": -y_pred * step,
        "plus": y_pred + step,
        "minus": y_pred - step,
        "moved down its gradient by": y_pred + step * downhill,
    }}[{direction}]
    values.append(float(tf.reduce_mean({call}(y_true, moved))))
print("y_pred", {direction}, "1e2, 1e3 and 1e4:", values)
return values[0] < -1 and values[1] < 5 * values[0] and values[2] < 5 * values[1]
""",
    "config": """
try:
    config = json.loads(json.dumps(loss.get_config()))
    print("its config:", config)
    again = type(loss).from_config(config)
    first, second = np.asarray({call}(y_true, y_pred)), np.asarray(again.call(y_true, y_pred))
except Exception as error:  # noqa: BLE001
    print(f"raises {{type(error).__name__}}: {{error}}")
    return True
print("the loss:", first)
print("the one made from its config:", second)
lost = [name for name in {lost} if name not in config]
print("arguments that the config lacks:", lost)
return bool(lost) or not np.allclose(first, second, rtol=1e-4)
""",
    "bypassed": """
weights = np.eye(len(y_pred), dtype="float32")[0]
try:
    model = keras.Sequential([keras.Input(y_pred.shape[1:]), keras.layers.Dense(y_pred.shape[-1])])
    model.compile(optimizer="sgd", loss=loss)
    model.fit(y_pred, y_true, verbose=0)
    first = np.asarray(loss(y_true, y_pred))
    second = np.asarray(loss(y_true, y_pred, sample_weight=weights))
    loss.reduction = "sum"
    third = np.asarray(loss(y_true, y_pred))
except Exception as error:  # noqa: BLE001
    print(f"raises {{type(error).__name__}}: {{error}}")
    return True
print("without sample_weight:", first, "- with all rows but one weighted by zero:", second)
print('with reduction="sum":', third)
return bool(np.allclose(first, second) or np.allclose(first, third))
""",
    "weighted rows": """
kept = [row for row in range(len(y_pred)) if row not in (1, len(y_pred) - 3)]
full = np.asarray({call}(y_true, y_pred))
alone = np.asarray({call}(tf.gather(y_true, kept), tf.gather(y_pred, kept)))
print("the rows with a weight of one:", full[kept])
print("the same rows, the others left out:", alone)
scale = full[kept].sum() / alone.sum()
is_constant = np.allclose(full, full[0], rtol=1e-3)
return not np.allclose(full[kept], alone * (1 if is_constant else scale), rtol=1e-3, atol=1e-6)
""",
    "weights of rows": """
model = keras.Sequential([keras.Input(y_pred.shape[1:]), keras.layers.Dense(y_pred.shape[-1])])
model.compile(optimizer="sgd", loss=loss)
try:
    model.fit(y_pred, y_true, sample_weight=np.ones(len(y_pred), "float32"), verbose=0)
except Exception as error:  # noqa: BLE001
    print(f"raises {{type(error).__name__}}: {{error}}")
    return True
return False
""",
    "unreduced": """
steps = []
for way in (loss, lambda y_true, y_pred: {call}(y_true, y_pred)):  # Keras takes the mean of a function
    layer = keras.layers.Dense(y_pred.shape[-1], kernel_initializer="identity")
    model = keras.Sequential([keras.Input(y_pred.shape[1:]), layer])
    model.compile(optimizer=keras.optimizers.SGD(1.0), loss=way)
    before = layer.get_weights()[0]
    model.train_on_batch(y_pred, y_true)
    steps.append(np.linalg.norm(layer.get_weights()[0] - before))
print("one step of fit with this object:", steps[0], "- with the mean that fit reports:", steps[1])
return bool(steps[0] > 1.01 * steps[1])
""",
    "compiled": """
def step(y_true, y_pred):
    with tf.GradientTape() as tape:
        tape.watch(y_pred)
        value = {call}(y_true, y_pred)
    return value, tape.gradient(value, y_pred)

plain = tf.function(step, autograph=False)(y_true, y_pred)
compiled = tf.function(step, autograph=False, jit_compile=True)(y_true, y_pred)
print("plain graph:", *map(np.asarray, plain))
print("compiled by XLA:", *map(np.asarray, compiled))
pairs = [(left, right) for left, right in zip(plain, compiled) if left is not None]
return not all(np.allclose(left, right, rtol=1e-3, atol=1e-5) for left, right in pairs)
""",
    "guard": """
signature = [tf.TensorSpec([None, *x.shape[1:]], x.dtype) for x in (y_true, y_pred)]
try:
    tf.function({call}, autograph=False).get_concrete_function(*signature)(y_true, y_pred)
except tf.errors.InvalidArgumentError as error:
    print("the plain graph raises:", str(error).strip().split("\\n")[0])
else:
    return False
compiled = tf.function({call}, autograph=False, jit_compile=True)
print("compiled by XLA it goes on:", np.asarray(compiled(y_true, y_pred)))
return True
""",
    "eager switched off": """
load()
print("eager execution after the import:", tf.executing_eagerly())
return not tf.executing_eagerly()
""",
}
