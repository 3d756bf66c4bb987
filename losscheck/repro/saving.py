"""Bodies that save and load a model; braces stand for the call and for evidence."""

from __future__ import annotations

_SAVE = """
layer = keras.layers.Dense(y_pred.shape[-1], kernel_initializer="identity")
model = keras.Sequential([keras.Input(y_pred.shape[1:]), layer])
model.compile(optimizer="sgd", loss=loss)
path = str(Path(tempfile.mkdtemp()) / "model.keras")\
"""
_COMPARED = """
first = np.asarray({call}(y_true, y_pred))
second = np.asarray(getattr(loaded, "call", loaded)(y_true, y_pred))
print("before saving:", first)
print("after loading:", second)
return not np.allclose(first.mean(), second.mean(), rtol=1e-4)
"""

SAVING = {
    "save raises": f"""{_SAVE}
try:
    model.save(path)
except Exception as error:  # noqa: BLE001
    print(f"model.save raises {{{{type(error).__name__}}}}: {{{{error}}}}")
    return True
return False
""",
    "load raises": f"""{_SAVE}
model.save(path)
try:
    keras.models.load_model(path)
except Exception as error:  # noqa: BLE001
    print(f"load_model raises {{{{type(error).__name__}}}}: {{{{error}}}}")
    return True
return False
""",
    "reload": f"""{_SAVE}
model.save(path)
loaded = keras.models.load_model(path).loss
print("saved:", loss)
print("loaded:", loaded)
if loaded is loss:
    return False
{_COMPARED.strip()}
""",
    "reload after factory": f"""{_SAVE}
model.save(path)
getattr(sys.modules[loss.__module__], {{factory}})()
loaded = keras.models.load_model(path).loss
{_COMPARED.strip()}
""",
}
