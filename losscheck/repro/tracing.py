"""Bodies that watch what Python does while a loss is traced, and in the steps after."""

from __future__ import annotations

from losscheck.recipe import SideEffect

_TRACE = "traced = tf.function({call}, autograph=False).get_concrete_function(y_true, y_pred)"

#: The body for each side effect; braces stand for the call and for evidence.
WATCHED = {
    SideEffect.OUTPUT: f"""
stream = io.StringIO()
logging.root.addHandler(logging.StreamHandler(stream))
with contextlib.redirect_stdout(stream), contextlib.redirect_stderr(stream):
    {_TRACE}
    written = stream.getvalue()
    for _ in range(3):
        traced(y_true, y_pred)
later = stream.getvalue()[len(written) :]
print("written while it is traced:", repr(written))
print("written in three steps after:", repr(later))
return bool(written.strip()) and not later.strip()
""",
    SideEffect.STATE: f"""
function = inspect.unwrap(getattr({{call}}, "__func__", {{call}}))

def state():
    module, names = vars(sys.modules[function.__module__]), inspect.getclosurevars(function)
    places = [module, names.nonlocals, vars(getattr({{call}}, "__self__", loss)), vars(function)]
    places += [vars(x) for x in list(module.values()) if type(x).__module__ == function.__module__]
    plain = (bool, int, float, str, list, tuple, dict, set, collections.abc.Sized, np.generic)
    held = [(k, v) for place in places for k, v in place.items() if isinstance(v, plain) and k[:2] != "__"]
    return repr((held, function.__defaults__))

states = []
for _ in range(3):
    {{call}}(y_true, y_pred)
    states.append(state())
print("changes with each eager call:", len(set(states)) == 3)
{_TRACE}
after_trace = state()
for _ in range(3):
    traced(y_true, y_pred)
print("changes in the trace:", after_trace != states[-1])
print("changes in three steps after:", state() != after_trace)
return len(set(states)) == 3 and after_trace != states[-1] and state() == after_trace
""",
    SideEffect.RANDOM: f"""
held = vars(sys.modules[loss.__module__]).values()
generators = [x.bit_generator for x in held if isinstance(x, np.random.Generator)]

def state():
    return repr((random.getstate(), np.random.get_state(), [x.state for x in generators]))

states = [state()]
for _ in range(3):
    {{call}}(y_true, y_pred)
    states.append(state())
print("each eager call draws:", len(set(states)) == 4)
{_TRACE}
after_trace = state()
for _ in range(3):
    traced(y_true, y_pred)
print("the trace draws:", after_trace != states[-1])
print("three steps after it draw:", state() != after_trace)
return len(set(states)) == 4 and after_trace != states[-1] and state() == after_trace
""",
    SideEffect.LEAK: f"""
{_TRACE}
graph = weakref.ref(traced.graph)
del traced
gc.collect()
print("the graph of the trace is", "still held by one of its tensors" if graph() else "gone")
return graph() is not None
""",
    SideEffect.CLOCK: f"""
libraries = tuple(sysconfig.get_paths()[name] for name in ("stdlib", "purelib", "platlib"))
read = []

def watch(frame, event, function):
    if event == "c_call" and not frame.f_code.co_filename.startswith((*libraries, "<")):
        if function.__module__ == "time" or function.__name__ in ("now", "utcnow", "today"):
            read.append(f"{{{{function.__name__}}}} in line {{{{frame.f_lineno}}}}")

sys.setprofile(watch)
{_TRACE}
sys.setprofile(None)
in_trace = len(read)
sys.setprofile(watch)
traced(y_true, y_pred)
sys.setprofile(None)
print("clocks read while it is traced:", read[:in_trace])
print("clocks read in the step after:", read[in_trace:])
return in_trace > 0 and len(read) == in_trace
""",
    SideEffect.FILES: f"""
libraries = tuple(sysconfig.get_paths()[name] for name in ("stdlib", "purelib", "platlib"))
written = []

def watch(frame, event, function):
    if event != "c_call" or frame.f_code.co_filename.startswith((*libraries, "<")):
        return
    if function.__name__ in ("write", "writelines", "writerow", "writerows"):
        written.append(str(getattr(function.__self__, "name", function)))

def audit(event, arguments):
    if event in ("subprocess.Popen", "os.system", "os.remove", "os.mkdir", "os.rename", "socket.connect"):
        written.append(f"{{{{event}}}} {{{{arguments[0]}}}}")
    elif event == "open" and set(str(arguments[1])) & set("wax+"):
        written.append(str(arguments[0]))

sys.addaudithook(audit)
sys.setprofile(watch)
{_TRACE}
sys.setprofile(None)
for op in traced.graph.get_operations():
    if op.type == "PrintV2" and op.get_attr("output_stream").startswith(b"file://"):
        written.append(op.get_attr("output_stream").decode())
print("written to:", written)
return bool(written)
""",
}
