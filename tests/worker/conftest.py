from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from waiting_child import is_waiting

from losscheck.loss import FoundLoss, Kind
from losscheck.observation import ProcessObservation
from losscheck.report import LossReport
from losscheck.worker.pool import Outcome, Pool, WorkerOptions

HERE = Path(__file__).parent
USER = HERE / "user_losses.py"


def found(name: str) -> FoundLoss:
    return FoundLoss(target=f"user_losses.py:{name}", path=str(USER), name=name, line=1, kind=Kind.FUNCTION)


def line_of(marker: str) -> int:
    lines = USER.read_text().splitlines()
    return next(n for n, line in enumerate(lines, 1) if line.endswith(f"# <- {marker}"))


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(") ", maxsplit=1)[1][0]
    except FileNotFoundError:
        return False
    return state != "Z"


def wait_until(is_true: Callable[[], bool], seconds: float = 20.0) -> bool:
    end = time.monotonic() + seconds
    while not (answer := is_true()) and time.monotonic() < end:
        time.sleep(0.005)
    return answer


class Workplace:
    """Makes pools over the fake server and keeps what the judge was asked."""

    def __init__(self, folder: Path) -> None:
        self.temporary = folder / "temporary"
        self.modules = folder / "modules"
        self.temporary.mkdir()
        self.modules.mkdir()
        self.judged: list[tuple[str, ProcessObservation]] = []

    def judge(self, loss: FoundLoss, ended: ProcessObservation, _: WorkerOptions) -> LossReport:
        self.judged.append((loss.name, ended))
        return LossReport(loss.target, loss.path, loss.line, loss.name, loss.kind.value)

    def command(self, imports: tuple[str, ...] = ()) -> list[str]:
        return [sys.executable, str(HERE / "fake_server.py"), str(self.modules), *imports]

    def pool(
        self,
        jobs: int = 1,
        timeout: float = 30.0,
        memory: float = 4.0,
        imports: tuple[str, ...] = (),
        **options: object,
    ) -> Pool:
        return Pool(
            jobs=jobs,
            timeout=timeout,
            memory=memory,
            options=WorkerOptions(**options),  # type: ignore[arg-type]
            command=self.command(imports),
            judge=self.judge,
        )

    def run(self, *names: str, **settings: object) -> list[Outcome]:
        with self.pool(**settings) as pool:  # type: ignore[arg-type]
            return sorted(pool.run([found(name) for name in names]), key=lambda outcome: outcome.index)

    def files(self) -> list[Path]:
        """The temporary files that are still there."""
        return list(self.temporary.iterdir())

    def processes(self) -> list[int]:
        """The servers of this workplace that are still there, with the losses that they have forked."""
        return [pid for pid in self.all_processes() if not is_waiting(pid)]

    def all_processes(self) -> list[int]:
        """The same, with the child that waits for the next loss."""
        return [int(p.name) for p in Path("/proc").glob("[0-9]*") if str(self.modules) in _command_line(p)]


def _command_line(process: Path) -> str:
    try:
        return (process / "cmdline").read_text()
    except OSError:
        return ""


@pytest.fixture
def workplace(tmp_path, monkeypatch) -> Workplace:
    place = Workplace(tmp_path)
    monkeypatch.setattr("tempfile.tempdir", str(place.temporary))
    monkeypatch.chdir(tmp_path)
    yield place
    assert wait_until(lambda: place.all_processes() == []), "a process is left"
    assert wait_until(lambda: place.files() == []), f"a temporary file is left: {place.files()}"


@pytest.fixture(params=["fork", "no-fork"])
def way(request, monkeypatch) -> str:
    if request.param == "no-fork":
        monkeypatch.setenv("LOSSCHECK_NO_FORK", "1")
    elif sys.platform != "linux":
        pytest.skip("forks on Linux only")
    return request.param


@pytest.fixture
def fork(monkeypatch) -> None:
    if sys.platform != "linux":
        pytest.skip("forks on Linux only")
    monkeypatch.delenv("LOSSCHECK_NO_FORK", raising=False)
