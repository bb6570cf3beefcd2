"""Hand a model over to the program: the script that the Model component runs when it is installed.

    python -m constructs_lib.edge.runtime.device.handover --root R --archive A --version V [--socket S] [--wait 120]

It unpacks, offers, and waits for the program's word. Exit 0: the model is served; or it is here and nobody runs who
could serve it now. Exit 1: it is not to be served, with the reason on stderr; Greengrass then goes back.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import shutil
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from .archive import unpack
from .client import ProgramAway, ask
from .errors import BadModel
from .files import sync_folder, write_json
from .models import INCOMING, KILLED, MANIFEST, ModelStore, digest_of, remove, version_fits

_EVERY = 0.5
_COMES_BACK = 20.0
"""Seconds that a program which died of the model has, to come back and say so."""
_TRIED_LATELY = 3600.0
"""Seconds in which a model that has killed the program is not offered again: Greengrass installs three times, and gives
a component up that has died as often."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Handover:
    """What is handed over, and to whom."""

    root: Path
    archive: Path
    version: str
    socket: Path
    wait: float = 120.0
    """Seconds; 0 asks nobody."""


def hand_over(given: Handover, say: Callable[[str], None]) -> None:
    """Unpack, offer, wait.

    :raises BadModel: it is not to be served; the message says why.
    :raises OSError: the disk is full or broken.
    """
    store = ModelStore(given.root)
    _refuse_killer(store, given.version)
    with _alone(store):
        offer = _deliver(store, given)
    say(f"{given.version} is on the device")
    if given.wait <= 0:
        return
    try:
        ask(given.socket, "POST", "/models/offered")
    except ProgramAway:
        say("no program answers: it takes the model when it starts")
        return
    _await_verdict(store, given, offer, say)


def _refuse_killer(store: ModelStore, version: str) -> None:
    reason = store.state().rejected.get(version, "")
    offer = store.offered()
    if reason.startswith(KILLED) and offer is not None and offer.version == version:
        age = time.time() - offer.at / 1000
        if 0 <= age < _TRIED_LATELY:
            raise BadModel(f"{version} was rejected {age / 60:.0f} minutes ago: {reason}")


# --- putting it there -----------------------------------------------------------------------------------


@contextlib.contextmanager
def _alone(store: ModelStore) -> Iterator[None]:
    """The only handover, so that what another one left is known to be left."""
    with (store.path / ".handover").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        for each in store.path.glob(f"{INCOMING}*"):
            shutil.rmtree(each, ignore_errors=True)
        yield


def _deliver(store: ModelStore, given: Handover) -> str:
    """Put the model where the program finds it, and offer it: its offer's id."""
    incoming = Path(tempfile.mkdtemp(prefix=INCOMING, dir=store.path))
    offer = uuid.uuid4().hex
    try:
        incoming.chmod(0o755)
        unpack(given.archive, incoming)
        files = {
            each.relative_to(incoming).as_posix(): digest_of(each)
            for each in sorted(incoming.rglob("*"))
            if each.is_file()
        }
        write_json(incoming / MANIFEST, {"files": files})
        with store.locked():
            _take_place(store, given.version, incoming)
            store.offer(given.version, offer)
    finally:
        shutil.rmtree(incoming, ignore_errors=True)
    return offer


def _take_place(store: ModelStore, version: str, incoming: Path) -> None:
    """Rename to the version, unless the same model is there and whole: it may be the one that is served."""
    folder = store.folder(version)
    if folder.is_dir():
        with contextlib.suppress(BadModel, OSError):
            store.require_whole(version)
            if (folder / MANIFEST).read_bytes() == (incoming / MANIFEST).read_bytes():
                return
        remove(folder)
    incoming.rename(folder)
    sync_folder(store.path)


# --- waiting --------------------------------------------------------------------------------------------


def _await_verdict(store: ModelStore, given: Handover, offer: str, say: Callable[[str], None]) -> None:
    until = time.monotonic() + given.wait
    away_since: float | None = None
    while time.monotonic() < until:
        try:
            told = ask(given.socket, "GET", "/status").get("offer") or {}
        except ProgramAway:
            away_since = away_since or time.monotonic()
            if _gone_for_good(store, given.version, away_since):
                say("the program went away: it takes the model when it starts")
                return
        else:
            away_since = None
            newest = store.offered()
            if newest is None or newest.id != offer:
                say("another model was offered meanwhile")
                return
            if _is_decided(told, given.version, offer, say):
                return
        time.sleep(_EVERY)
    raise BadModel(f"the program has not said within {given.wait:g} s whether it serves {given.version}")


def _gone_for_good(store: ModelStore, version: str, since: float) -> bool:
    """Whether the program was stopped, and not killed by the model.

    :raises BadModel: it was killed, and is not back to say so.
    """
    if store.died_loading() != version:
        return True
    if time.monotonic() - since < _COMES_BACK:
        return False
    raise BadModel(f"{version}: {KILLED}")


def _is_decided(told: dict[str, object], version: str, offer: str, say: Callable[[str], None]) -> bool:
    if told.get("id") != offer:
        return False
    verdict, reason = told.get("verdict"), told.get("reason")
    if verdict == "rejected":
        raise BadModel(f"{version} is rejected: {reason}")
    if verdict == "overtaken":
        say(f"{version} is here, and another was asked for meanwhile: {reason}")
    return verdict in ("serving", "overtaken")


# --- the command line -----------------------------------------------------------------------------------


def _parsed(arguments: Sequence[str]) -> Handover:
    parser = argparse.ArgumentParser(prog="handover", description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--root", type=Path, required=True, help="the folder of the program's state")
    parser.add_argument("--archive", type=Path, required=True, help="tar or zip, with model.onnx at its top")
    parser.add_argument("--version", required=True, help="what the model is called from now on")
    parser.add_argument("--socket", type=Path, help="default: run/inference.sock below the root")
    parser.add_argument(
        "--wait", type=float, default=120.0, help="seconds for the program's word; 0: do not ask"
    )
    told = parser.parse_args(arguments)
    if not version_fits(told.version):
        parser.error(
            f"--version {told.version!r}: 1–64 of letters, digits, . + _ -, the first a letter or digit"
        )
    return Handover(
        root=told.root,
        archive=told.archive,
        version=told.version,
        socket=told.socket or told.root / "run" / "inference.sock",
        wait=told.wait,
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """The command."""
    given = _parsed(sys.argv[1:] if arguments is None else arguments)
    try:
        hand_over(given, lambda told: print(told, flush=True))
    except (BadModel, OSError) as error:
        print(f"the model is not handed over: {error}", file=sys.stderr, flush=True)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
