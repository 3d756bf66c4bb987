"""The pytest plugin: losses as test items, and `check_loss` as a fixture.

pytest loads it at each start (entry point ``pytest11``), so that it imports pytest and nothing else until a
loss is asked for. Losses are probed in child processes, as the command line does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from losscheck.testing import Losses

_LOSSES: pytest.StashKey[Losses] = pytest.StashKey()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--losscheck`` and the ini options."""
    group = parser.getgroup("losscheck", "losses checked by losscheck")
    group.addoption(
        "--losscheck",
        action="append",
        nargs="?",
        const="",
        default=[],
        metavar="TARGET",
        help="Check these losses (a file, folder, module or one loss; may be repeated); "
        "without TARGET those of `losscheck_targets`.",
    )
    parser.addini("losscheck_targets", "Losses to check: files, folders, modules.", type="args", default=[])
    parser.addini("losscheck_timeout", "Seconds for each loss; else as in pyproject.toml.", default="")


def pytest_configure(config: pytest.Config) -> None:
    """Find the losses of the targets by reading files, and have pytest collect these files."""
    config.addinivalue_line("markers", "losscheck: an item that checks a loss")
    asked = [target for target in config.getoption("losscheck") if target]
    told = config.getini("losscheck_targets")
    is_asked = bool(config.getoption("losscheck"))
    if not asked and (not told or not (is_asked or _is_whole_run(config) or _names(config, told))):
        if is_asked:
            raise pytest.UsageError("--losscheck: no target, and `losscheck_targets` names none")
        return
    from losscheck.testing import Losses

    losses = Losses(asked or told, config)
    config.stash[_LOSSES] = losses
    if asked or is_asked or _is_whole_run(config):
        known = {_path_of(argument, config) for argument in config.args}
        config.args += [str(path) for path in losses.paths if path not in known]


def pytest_unconfigure(config: pytest.Config) -> None:
    """End the child processes."""
    if _LOSSES in config.stash:
        config.stash[_LOSSES].close()


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """The items of a file with losses that are to be checked."""
    losses = parent.config.stash.get(_LOSSES, None)
    return losses.collector(file_path, parent) if losses is not None else None


@pytest.hookimpl(tryfirst=True)
def pytest_pycollect_makemodule(module_path: Path, parent: pytest.Collector) -> Any:
    """Keep pytest from importing a file of losses as tests, unless its name says that it is one."""
    losses = parent.config.stash.get(_LOSSES, None)
    if losses is None or module_path not in losses.paths:
        return None
    patterns = parent.config.getini("python_files")
    return None if any(module_path.match(pattern) for pattern in patterns) else _Nothing.from_parent(parent)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A run in which losses were wanted and none was probed has not passed."""
    losses = session.config.stash.get(_LOSSES, None)
    if losses is not None and losses.is_idle(session) and session.exitstatus in (0, 5):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
        reporter = session.config.pluginmanager.get_plugin("terminalreporter")
        if reporter is not None:
            reporter.write_line("losscheck: no loss was probed", red=True)


@pytest.fixture(name="check_loss")
def _check_loss() -> Callable[..., Any]:
    """`losscheck.check_loss`: runs a loss in every mode and gives its report."""
    import losscheck

    return losscheck.check_loss


class _Nothing(pytest.Collector):
    """Stands where pytest would have imported a file of losses."""

    @classmethod
    def from_parent(cls, parent: Any, **more: Any) -> _Nothing:
        return super().from_parent(parent, name="", **more)

    def collect(self) -> Iterator[pytest.Item]:
        return iter(())


def _is_whole_run(config: pytest.Config) -> bool:
    """Whether the command line names no files: then the losses of the ini belong to the run."""
    return config.args_source is not pytest.Config.ArgsSource.ARGS


def _names(config: pytest.Config, targets: list[str]) -> bool:
    """Whether the command line names a file below a target: a single item is to run again."""
    roots = [Path(config.rootpath, target.partition(":")[0]).resolve() for target in targets]
    paths = [_path_of(argument, config) for argument in config.args]
    return any(path == root or root in path.parents for path in paths for root in roots)


def _path_of(argument: str, config: pytest.Config) -> Path:
    return Path(config.invocation_params.dir, argument.partition("::")[0]).resolve()
