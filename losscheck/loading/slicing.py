"""Picks the statements of a module that a name needs, each at its own line; the rest need not run."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from losscheck.loading.definitions import bound_by, is_main_guard
from losscheck.loading.expression import dotted
from losscheck.loading.names import COMPOUND, Names, head, names_of
from losscheck.loading.pruning import pruned
from losscheck.loading.work import is_setting, is_work

_LOOPS = (ast.For, ast.AsyncFor, ast.While)
#: Packages that settings may import: they are there wherever a loss can be checked.
_PLAIN_PACKAGES = frozenset(
    {"tensorflow", "keras", "tf_keras", "numpy", "os", "sys", "random", "pathlib", "warnings"}
)

#: Functions that change what they are given first.
_CHANGE_THEIR_FIRST = frozenset({"update_wrapper", "setattr"})


@dataclass(frozen=True, eq=False)
class Step:
    """A simple statement that runs when the module is imported, or the head of a compound one."""

    node: ast.stmt  #: of a compound statement: the whole of it
    index: int  #: place in the order of the text
    parents: tuple[ast.stmt, ...]  #: the compound statements around it, outermost first
    binds: frozenset[str]
    names: Names
    changes: frozenset[str]  #: names whose objects it changes
    is_sure: bool  #: it runs whatever happens, and nothing that its names were before is left
    is_handler: bool = False  #: it stands in an ``except``
    is_work: bool = False

    @property
    def line(self) -> int:
        """Its first line."""
        return self.node.lineno


class Slicer:
    """The steps of a module, and which of them have been taken so far."""

    def __init__(self, tree: ast.Module) -> None:
        self._tree = tree
        self._steps: list[Step] = []
        self._heads: dict[ast.stmt, Step] = {}
        self._pieces: dict[ast.stmt, list[Step]] = {}
        self._ends: dict[ast.stmt, int] = {}
        self._collect(tree.body, (), is_handler=False)
        self._taken: set[Step] = set()
        self._begun = False

    def binds(self, name: str) -> bool:
        """Whether reading finds where the name comes from."""
        return any(name in step.binds for step in self._steps)

    def take(self, names: Iterable[str]) -> ast.Module | None:
        """The statements that the names need and that were not taken before; None if there are none."""
        wanted: set[Step] = set()
        for name in names:
            wanted |= self._needed(name, len(self._steps))
        if not self._begun:
            wanted |= {step for step in self._steps if self._is_always_run(step)}
            wanted |= self._settings()
            self._begun = True
        wanted = self._with_surroundings(wanted) - self._taken
        if not wanted:
            return None
        self._taken |= wanted
        pieces = {
            statement: [step.node for step in steps if step in wanted]
            for statement, steps in self._pieces.items()
        }
        heads = {statement for statement, step in self._heads.items() if step in wanted}
        return ast.fix_missing_locations(ast.Module(pruned(self._tree.body, pieces, heads), []))

    def left_out(self) -> str:
        """What was not run, in a few words; empty if everything was."""
        steps = [step for step in self._steps if not isinstance(step.node, (ast.Import, ast.ImportFrom))]
        missing = [step for step in steps if step not in self._taken]
        if not missing:
            return ""
        telling = next((step for step in missing if step.is_work), missing[0])
        shown = ast.unparse(head(telling.node)).split("\n")[0]
        shown = shown if len(shown) <= _SHOWN else shown[: _SHOWN - 1] + "…"
        among = f"`{shown}` at line {telling.line}"
        return f"{len(missing)} of {len(steps)} statements, {'among them ' * (len(missing) > 1)}{among}"

    def _collect(self, body: list[ast.stmt], parents: tuple[ast.stmt, ...], *, is_handler: bool) -> None:
        for statement in body:
            if is_main_guard(statement):
                assert isinstance(statement, ast.If)
                self._collect(statement.orelse, parents, is_handler=is_handler)
                continue
            for piece in _split(statement):
                self._add(piece, statement, parents, is_handler=is_handler)
            if isinstance(statement, COMPOUND):
                inner = (*parents, statement)
                for field in ("body", "orelse", "finalbody"):
                    self._collect(getattr(statement, field, []), inner, is_handler=is_handler)
                for handler in getattr(statement, "handlers", []):
                    self._collect(handler.body, inner, is_handler=True)
                self._ends[statement] = len(self._steps)

    def _add(
        self, piece: ast.stmt, statement: ast.stmt, parents: tuple[ast.stmt, ...], *, is_handler: bool
    ) -> None:
        is_compound = isinstance(statement, COMPOUND)
        own = head(piece) if is_compound else piece
        adds = isinstance(piece, ast.Import) and "." in piece.names[0].name and not piece.names[0].asname
        names = names_of(own)
        step = Step(
            node=piece,
            index=len(self._steps),
            parents=parents,
            binds=frozenset(definition.name for definition in bound_by(piece)),
            names=names,
            changes=names.changed | _set_up(own),
            is_sure=not adds and not any(not isinstance(p, (ast.With, ast.AsyncWith)) for p in parents),
            is_handler=is_handler,
            is_work=is_work(own),
        )
        self._steps.append(step)
        if is_compound:
            self._heads[statement] = step
        else:
            self._pieces.setdefault(statement, []).append(step)

    def _needed(self, name: str, position: int) -> set[Step]:
        """The steps that give a name the value that it has before the step at ``position`` runs.

        What a function reads counts as read when whoever asked for the function uses it.
        """
        found: set[Step] = set()
        pending = [(name, position)]
        seen: set[tuple[str, int]] = set()
        while pending:
            wanted = pending.pop()
            if wanted in seen:
                continue
            seen.add(wanted)
            for step in self._makers(*wanted):
                found.add(step)
                for needed in (step, *(self._heads[parent] for parent in step.parents)):
                    pending += [(read, self._position(needed)) for read in needed.names.now]
                    pending += [(read, wanted[1]) for read in needed.names.later]
        return found

    def _makers(self, name: str, position: int) -> list[Step]:
        makers = list(self._makers_before(name, position))
        if not any(name in step.binds for step in makers):  # a function that is called further down
            makers = list(self._makers_before(name, len(self._steps)))
        if not makers:
            makers = [step for step in self._steps if "*" in step.binds]
        return makers

    def _makers_before(self, name: str, position: int) -> Iterator[Step]:
        writers = {
            bound for step in self._steps if name in step.names.written_later for bound in step.binds
        } - {name}
        later: list[Step] = []
        for step in reversed(self._steps[:position]):
            if name in step.binds:
                is_import = isinstance(step.node, (ast.Import, ast.ImportFrom))
                yield step
                # what is done with a module, `plt.style.use(…)`, does not change what the name stands for
                yield from () if is_import else later
                if step.is_sure and name not in step.names.now:
                    return
                later = []
            elif name in step.changes or step.names.now & writers:
                later.append(step)

    def _position(self, step: Step) -> int:
        """Up to where a name that the step reads may be bound: inside a loop, to the loop's end."""
        loops = [parent for parent in step.parents if isinstance(parent, _LOOPS)]
        return self._ends[loops[0]] if loops else step.index

    def _is_always_run(self, step: Step) -> bool:
        return isinstance(step.node, ast.ImportFrom) and step.node.module == "__future__"

    def _settings(self) -> set[Step]:
        """Seeds, ``floatx`` and paths, where they need nothing but plain packages and constants."""
        found: set[Step] = set()
        for step in self._steps:
            if step.parents or not is_setting(step.node):
                continue
            needs: set[Step] = set()
            for name in step.names.now:
                needs |= self._needed(name, step.index)
            if not any(other.is_work or _imports_more(other.node) for other in needs):
                found |= {step, *needs}
        return found

    def _with_surroundings(self, wanted: set[Step]) -> set[Step]:
        """The steps with the heads of the statements around them, and the handlers of their ``try``."""
        pending = list(wanted)
        found: set[Step] = set()
        while pending:
            step = pending.pop()
            if step in found:
                continue
            found.add(step)
            for parent in step.parents:
                added = [self._heads[parent]]
                if isinstance(parent, ast.Try):
                    added += [other for other in self._steps if parent in other.parents and other.is_handler]
                for other in added:
                    if other not in found:
                        pending.append(other)
                        for name in other.names.now:
                            pending += self._needed(name, self._position(other))
        return found


def _set_up(statement: ast.stmt) -> frozenset[str]:
    """The object that a call for its effect, ``layer.build(shape)``, may change; none where it does work."""
    if is_work(statement) or not isinstance(statement, ast.Expr) or not isinstance(statement.value, ast.Call):
        return frozenset()
    function = statement.value.func
    if (dotted(function) or ("",))[-1] in _CHANGE_THEIR_FIRST and statement.value.args:
        return frozenset((dotted(statement.value.args[0]) or ())[:1])
    return frozenset(dotted(function)[:1]) if isinstance(function, ast.Attribute) else frozenset()


#: Characters of the statement that stands for all that was left out.
_SHOWN = 48


def _split(statement: ast.stmt) -> list[ast.stmt]:
    """An import of several names as one statement for each, so that each can be left out."""
    if isinstance(statement, ast.Import) and len(statement.names) > 1:
        return [ast.copy_location(ast.Import([alias]), statement) for alias in statement.names]
    if isinstance(statement, ast.ImportFrom) and len(statement.names) > 1:
        return [
            ast.copy_location(ast.ImportFrom(statement.module, [alias], statement.level), statement)
            for alias in statement.names
        ]
    return [statement]


def _imports_more(node: ast.stmt) -> bool:
    """Whether it imports a package that may be missing or take its time."""
    if isinstance(node, ast.Import):
        return any(alias.name.partition(".")[0] not in _PLAIN_PACKAGES for alias in node.names)
    return isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] not in _PLAIN_PACKAGES
