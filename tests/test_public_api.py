"""The names that users may rely on: these, with these parameters, each with a docstring."""

import inspect
import os
import subprocess
import sys

import pytest

import losscheck

#: Public name → its parameters; a line that changes here is a line in CHANGELOG.md.
FUNCTIONS = {
    "assert_loss": "(loss, *, y_true=None, y_pred=None, task=None, select=(), ignore=(), fail_on='warning')",
    "check_loss": "(loss, *, y_true=None, y_pred=None, task=None, select=(), ignore=())",
    "parametrize": "(losses, *, expected=None, **options)",
}
EXCEPTIONS = {
    "LosscheckError": Exception,
    "LossCheckFailed": AssertionError,
    "SpecError": ValueError,
    "TargetError": losscheck.LosscheckError,
}
TYPES = {
    "Finding": "code name severity message hint location modes evidence",
    "Location": "path line column end_line end_column cell",
    "LossReport": "target path line name kind task modes findings skipped output seconds left_out cell "
    "suppressed drawing ingredients",
    "Report": "versions losses failures files fail_on seconds notices is_static",
}
WORDS = {"Mode": "eager graph gradient fit xla replicas reload symbolic", "Severity": "error warning note"}
EVERYTHING = sorted([*FUNCTIONS, *EXCEPTIONS, *TYPES, *WORDS])


def plain(function):
    """The parameters without their annotations."""
    signature = inspect.signature(function)
    bare = [
        parameter.replace(annotation=inspect.Parameter.empty) for parameter in signature.parameters.values()
    ]
    text = str(signature.replace(parameters=bare, return_annotation=inspect.Signature.empty))
    return text.replace("<Severity.WARNING: 'warning'>", "'warning'")


def test_the_public_names_are_these():
    assert sorted(losscheck.__all__) == EVERYTHING
    assert sorted(losscheck._HOMES) == EVERYTHING


def test_a_star_import_gives_all_of_them():
    names = {}
    exec("from losscheck import *", names)

    assert sorted(set(names) - {"__builtins__"}) == EVERYTHING


@pytest.mark.parametrize(("name", "parameters"), FUNCTIONS.items())
def test_the_parameters_of_the_functions(name, parameters):
    assert plain(getattr(losscheck, name)) == parameters


@pytest.mark.parametrize(("name", "base"), EXCEPTIONS.items())
def test_every_exception_can_be_caught_as_losschecks_own_and_as_its_kind(name, base):
    exception = getattr(losscheck, name)

    assert issubclass(exception, losscheck.LosscheckError)
    assert issubclass(exception, base)


@pytest.mark.parametrize(("name", "fields"), TYPES.items())
def test_the_fields_of_the_types_and_that_they_are_frozen(name, fields):
    cls = getattr(losscheck, name)

    assert " ".join(cls.__dataclass_fields__) == fields
    assert cls.__dataclass_params__.frozen


@pytest.mark.parametrize(("name", "values"), WORDS.items())
def test_the_words(name, values):
    assert " ".join(member.value for member in getattr(losscheck, name)) == values


@pytest.mark.parametrize("name", EVERYTHING)
def test_every_public_name_has_a_docstring_of_its_own(name):
    assert "__doc__" in vars(getattr(losscheck, name)) or inspect.isfunction(getattr(losscheck, name))
    first, *_ = inspect.getdoc(getattr(losscheck, name)).splitlines()
    assert first.endswith((".", ";", ":")) or first[0].isupper()
    assert not first.startswith(f"{name}(")  # what a dataclass writes where nobody wrote anything


def test_a_name_that_does_not_exist_raises_as_every_module_does():
    with pytest.raises(AttributeError, match=r"^module 'losscheck' has no attribute 'check_los'$"):
        _ = losscheck.check_los


def test_the_types_are_marked_as_typed():
    from importlib.resources import files

    assert files("losscheck").joinpath("py.typed").is_file()


def test_the_version_is_that_of_the_installed_package():
    from importlib.metadata import version

    assert version("losscheck") == losscheck.__version__


def test_python_m_losscheck_is_the_command(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "losscheck", "--version"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stdout, done.stderr) == (0, f"losscheck {losscheck.__version__}\n", "")
