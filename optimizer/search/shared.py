"""One search by several processes: an Optuna study in a PostgreSQL database or a journal file that all of them know.

Every worker runs the same search, and each generation is computed by one of them: it claims it, in a turn that no other
worker shares, makes a RUNNING trial of every policy, evaluates them, and tells. The others read what was told. A claim
whose worker is dead (see `leases`) passes on: its RUNNING trials are failed, what it had told stays, and the rest is
tried again. A policy counts by its generation and its place in it, so nothing counts twice, whatever a slow worker
still tells: Optuna refuses values for a trial that was failed.
"""

from __future__ import annotations

import os
import platform
import stat
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np

from tiercap.optimizer.errors import InputError, StorageError
from tiercap.optimizer.io import durable, json_text
from tiercap.optimizer.io.arrays import Floats
from tiercap.optimizer.model.evaluator import vector_bits
from tiercap.optimizer.runs import identity
from tiercap.optimizer.runs.layout import NOTHING_RUN
from tiercap.optimizer.search import leases
from tiercap.optimizer.search.optuna_study import directions, distributions, experimental_on_purpose, verdicts
from tiercap.optimizer.search.storage_url import MeetingPlace
from tiercap.optimizer.study.problem import Problem

#: Workers that may die of one generation before it is given up.
DEATHS = 3
#: Attributes of a trial: which policy it is, and the statistics found.
POLICY, FOUND = "policy", "statistics"
#: Attribute of the study: what all workers must have alike.
CONFIGURATION = "configuration"
#: Under which names Optuna keeps constraints, as `Trial.set_constraint` does.
_CONSTRAINT = "constraints"
#: Seconds between two looks at what others do.
_SOON, _LATER = 0.05, 0.5
#: How an Optuna journal begins.
_JOURNAL = b'{"op_code":'


@dataclass(frozen=True, slots=True)
class Claim:
    """Who computes a generation: nobody where ``worker`` is empty.

    deaths : workers that died of it; done : how many policies it has, once all are told of
    """

    worker: str = ""
    deaths: int = 0
    done: int | None = None


class Told(NamedTuple):
    """A generation that another worker computed: coordinates, values in the few scenarios, statistics in all."""

    coords: Floats
    few: Floats
    values: Floats


class SharedStudy:
    """A study in ``place``, joined by this process until :meth:`close`. Made by :meth:`join`.

    tried : policies evaluated and told here; taken_over : generations of dead workers that this one claimed
    """

    def __init__(self, problem: Problem, place: MeetingPlace, ours: leases.Leases) -> None:
        self.problem, self.place, self._leases = problem, place, ours
        self.tried = self.taken_over = 0
        self._claimed: set[int] = set()
        self._running: dict[int, int] = {}
        self._storage: Any = None
        self._study: Any = None
        self._id = -1

    @classmethod
    def join(cls, problem: Problem, place: MeetingPlace, configuration: Mapping[str, Any]) -> SharedStudy:
        """Join the study of the problem's name, or found it.

        Raises InputError where that name is another configuration's, with the differences; StorageError where the place
        cannot be reached.
        """
        if place.path is not None:
            _check_journal(place.path)
        shared = cls(problem, place, leases.of(place))
        try:
            with shared._explained(), shared._leases.turn():
                shared._enter(configuration)
        except BaseException:
            shared._hang_up()
            raise
        return shared

    @property
    def worker(self) -> str:
        """This process's name among the workers."""
        return self._leases.worker

    def claim(self, generation: int) -> bool:
        """Make a generation this worker's own, unless it is done or a living worker's."""
        with self._explained(), self._leases.turn():
            before = self._claim_of(generation)
            if before.done is not None or (before.worker and self._leases.alive(before.worker)):
                return False
            deaths = before.deaths + bool(before.worker)
            if deaths >= DEATHS:
                raise StorageError(
                    f"generation {generation} of the study in {self.place.shown} has ended {deaths} workers: find out "
                    "what ends them (memory?), then give the study another name with --set study.name=NAME"
                )
            self._fail(generation)
            self._write(generation, Claim(self.worker, deaths))
        self.taken_over += bool(before.worker)
        self._claimed.add(generation)
        return True

    def announce(self, generation: int, coords: Floats, few: Floats, pruned: Floats) -> None:
        """Say what a claimed generation tries: a RUNNING trial of each policy that nobody has told of yet.

        coords : float64[n, n_levers]; few : float64[n, screened], values in the few scenarios
        pruned : float64[n_pruned, n_levers], policies given up
        """
        from optuna.trial import TrialState

        with self._explained():
            told, trials = self._told(generation), self._trials(generation)
            for k, trial in told.items():
                if not np.array_equal(self._coords(trial), coords[k]):
                    raise InputError(self.stranger(generation))
            given_up = sum(trial.state == TrialState.PRUNED for trial in trials)
            for k in range(given_up, len(pruned)):
                self._create(TrialState.PRUNED, pruned[k], {"generation": generation, "worker": self.worker})
            self._running = {}
            for k in (k for k in range(len(coords)) if k not in told):
                about = {"generation": generation, "place": k, "worker": self.worker, "few": few[k].tolist()}
                self._running[k] = self._create(TrialState.RUNNING, coords[k], about)

    def tell(self, generation: int, values: Floats) -> None:
        """Tell the statistics of the policies announced: float64[n, reported].

        What another worker has taken over meanwhile, because this one seemed dead, is left to it.
        """
        rows = list(zip(*verdicts(self.problem, values), strict=True))
        with self._explained():
            mine = self._claim_of(generation).worker == self.worker
            for k, trial in self._running.items() if mine else ():
                self.tried += self._tell(trial, values[k], *rows[k])
            with self._leases.turn():
                now = self._claim_of(generation)
                if now.worker == self.worker:
                    self._write(generation, replace(now, done=len(values)))
        self._claimed.discard(generation)

    def wait(self, generation: int) -> Told | None:
        """What another worker told of a generation, once it has; None if this one must do it, having claimed it now."""
        pause = _SOON
        while True:
            told = self._read(generation)
            if told is not None:
                return told
            if self.claim(generation):
                return None
            time.sleep(pause)
            pause = min(2 * pause, _LATER)

    def stranger(self, generation: int) -> str:
        """The sentence for a generation whose policies are not those that this process would try."""
        return (
            f"the study in {self.place.shown} holds other policies in generation {generation} than this search asks "
            "for, so other code made it: use that, or give the study another name with --set study.name=NAME"
        )

    def close(self) -> None:
        """Leave; what is claimed and not told of is free for others, and counts as no death."""
        try:
            with suppress(StorageError), self._explained(), self._leases.turn():
                for generation in sorted(self._claimed):
                    now = self._claim_of(generation)
                    if now.worker == self.worker:
                        self._write(generation, replace(now, worker=""))
        finally:
            self._hang_up()

    def _hang_up(self) -> None:
        self._leases.close()
        if self._storage is not None and self.place.path is None:
            self._storage.remove_session()
            self._storage.engine.dispose()

    # --- what lies in the storage ---

    def _enter(self, configuration: Mapping[str, Any]) -> None:
        import optuna
        from optuna.samplers import RandomSampler

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self._storage = self._open()
        name = self.problem.study.name
        with experimental_on_purpose():
            self._study = optuna.create_study(
                storage=self._storage, study_name=name, directions=directions(self.problem),
                sampler=RandomSampler(seed=0), load_if_exists=True,  # it is never asked: see `optuna_study`
            )  # fmt: skip
            old, new = self._study.user_attrs.get(CONFIGURATION), _here(configuration)
            if old is None and (self._study.user_attrs or self._study.get_trials(deepcopy=False)):
                raise InputError(
                    f"{self.place.shown} holds a study `{name}` that is not of this program: give yours another name "
                    "with --set study.name=NAME"
                )
            if old is not None:
                identity.check_same(
                    old, new, f"the study `{name}` in {self.place.shown}", "there",
                    "give this one a name of its own with --set study.name=NAME",
                )  # fmt: skip
            if old != new:
                self._study.set_metric_names(self.problem.objectives)
                self._study.set_user_attr(CONFIGURATION, new)
        self._id = self._storage.get_study_id_from_name(name)

    def _open(self) -> Any:
        from optuna import storages
        from optuna.storages import journal

        if self.place.path is not None:
            files = cast(leases.FileLeases, self._leases)
            lock = cast(Any, _Whole(self.place.path, files))
            lock.acquire()  # repairs
            lock.release()
            return storages.JournalStorage(journal.JournalFileBackend(str(self.place.path), lock_obj=lock))
        return storages.RDBStorage(
            "postgresql+psycopg://",  # the parts go another way, so that no message of Optuna's can have them
            engine_kwargs={
                "connect_args": leases.connection_arguments(self.place), "pool_pre_ping": True, "hide_parameters": True
            },
        )  # fmt: skip

    def _claim_of(self, generation: int) -> Claim:
        return Claim(**self._study.user_attrs.get(_key(generation), {}))

    def _write(self, generation: int, claim: Claim) -> None:
        self._study.set_user_attr(_key(generation), asdict(claim))

    def _read(self, generation: int) -> Told | None:
        """What was told of a generation, if all of it was."""
        with self._explained():
            count = self._claim_of(generation).done
            if count is None:
                return None
            told = self._told(generation)
            if sorted(told) != list(range(count)):
                raise StorageError(f"{self.place.shown} has lost trials of generation {generation}: was any deleted?")
            trials = [told[k] for k in range(count)]
        names, few, columns = self.problem.space.names, self.problem.scoring.screened, self.problem.scoring.reported
        return Told(
            np.array([self._coords(trial) for trial in trials]).reshape(count, len(names)),
            np.array([trial.user_attrs[POLICY]["few"] for trial in trials], dtype=np.float64).reshape(count, len(few)),
            np.array([trial.user_attrs[FOUND] for trial in trials], dtype=np.float64).reshape(count, len(columns)),
        )

    def _trials(self, generation: int) -> list[Any]:
        every = self._study.get_trials(deepcopy=False)
        return [trial for trial in every if trial.user_attrs.get(POLICY, {}).get("generation") == generation]

    def _told(self, generation: int) -> dict[int, Any]:
        """Evaluated trials of a generation by the policy's place; the first where there are two."""
        found: dict[int, Any] = {}
        for trial in self._trials(generation):
            if trial.state.is_finished() and FOUND in trial.user_attrs:
                found.setdefault(trial.user_attrs[POLICY]["place"], trial)
        return found

    def _coords(self, trial: Any) -> Floats:
        return np.array([trial.params[name] for name in self.problem.space.names])

    def _create(self, state: Any, row: Floats, about: Mapping[str, Any]) -> int:
        """A new trial; its number in the storage."""
        from optuna.trial import create_trial

        params = dict(zip(self.problem.space.names, map(float, row), strict=True))
        trial = create_trial(
            state=state, params=params, distributions=distributions(self.problem), user_attrs={POLICY: dict(about)}
        )
        return int(self._storage.create_new_trial(self._id, trial))

    def _tell(self, trial: int, values: Floats, objectives: Floats, excess: Floats, sound: bool) -> bool:
        """Finish a trial; whether it was still ours to finish."""
        from optuna.exceptions import UpdateFinishedTrialError
        from optuna.trial import TrialState

        state = TrialState.COMPLETE if sound else TrialState.FAIL
        try:
            self._storage.set_trial_user_attr(trial, FOUND, values.tolist())
            for name, amount in zip(self.problem.scoring.bounds(), excess.tolist() if sound else (), strict=sound):
                self._storage.set_trial_system_attr(trial, f"{_CONSTRAINT}:{name}", amount)
            self._storage.set_trial_state_values(trial, state, objectives.tolist() if sound else None)
        except UpdateFinishedTrialError:
            return False
        return True

    def _fail(self, generation: int) -> None:
        """Fail what a worker that is gone left RUNNING."""
        from optuna.trial import TrialState

        for trial in self._trials(generation):
            if trial.state == TrialState.RUNNING:
                number = self._storage.get_trial_id_from_study_id_trial_number(self._id, trial.number)
                self._storage.set_trial_state_values(number, TrialState.FAIL)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Turn what Optuna, its database or the journal say of a failure into one sentence without secrets."""
        from optuna.exceptions import StorageInternalError
        from sqlalchemy.exc import SQLAlchemyError

        place = self.place
        go_on = f"{durable.SAFE}; run the same command again"
        try:
            yield
        except OSError as error:
            raise StorageError(place.without_secrets(durable.sentence(error, f"using {place.shown}"))) from None
        except (StorageInternalError, SQLAlchemyError) as error:
            raise StorageError(f"{place.shown} failed: {place.without_secrets(_first_cause(error))}; {go_on}") from None
        except ValueError as error:
            if place.path is None:
                raise
            raise StorageError(f"{place.shown} is damaged ({error}): use another, run folders are whole") from None


def _key(generation: int) -> str:
    return f"generation-{generation:05d}"


def _first_cause(error: BaseException) -> str:
    """The first line of what was said first."""
    while error.__cause__ is not None:
        error = error.__cause__
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines or [type(error).__name__])[0]


def _here(configuration: Mapping[str, Any]) -> Any:
    """What all workers must have alike: the run's configuration, and processors that give the same bits."""
    machine = {"processor": platform.machine(), "vector_bits": vector_bits()}
    return json_text.plain({**configuration, "machine": machine})


def _check_journal(path: Path) -> None:
    """Refuse what is no Optuna journal, before anything is repaired in it."""
    with durable.explained(f"opening {path}", NOTHING_RUN):
        try:
            file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except FileNotFoundError:
            if not path.parent.is_dir():
                raise
            return
        try:
            regular = stat.S_ISREG(os.fstat(file).st_mode)
            first = os.read(file, len(_JOURNAL)) if regular else b""
        finally:
            os.close(file)
    if not regular or not _JOURNAL.startswith(first):
        raise InputError(f"--storage: {path} is no journal of Optuna's: name a new file, or one that this program made")


class _Whole:
    """Optuna's lock of a journal, which repairs what a writer left unfinished whom a signal or a full disk stopped.

    Optuna's own locks outlive a killed owner; this one is a file lock, which does not.
    """

    def __init__(self, path: Path, files: leases.FileLeases) -> None:
        self._path, self._files, self._held = path, files, ExitStack()

    def acquire(self) -> bool:
        self._held.enter_context(self._files.locked("append"))
        durable.cut_torn_line(self._path)
        return True

    def release(self) -> None:
        self._held.close()
