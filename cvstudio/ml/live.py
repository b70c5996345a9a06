"""`cvstudio live`: answers the window's previews over stdin and stdout, one message at a time.

A request's header has "id" and "kind" (augment, ladder, times, trial, explain, explain_check,
explain_file, explain_rest, predict, answers, warm, and those of the smart tool); the answer repeats
both and has "ok". Of several requests of one kind that wait, only the newest is worked on; the
others are answered with "superseded". What takes long may be told with "progress" (a share of 1)
before the answer. What is asked ahead of need waits until nothing else does, and gives way in the
middle. What libraries print goes to stderr, never between messages. Nothing heavy is imported
before a request needs it.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from cvstudio.core.errors import CVStudioError
from cvstudio.core.geometry import Box
from cvstudio.core.recipe import Sees
from cvstudio.core.thresholds import written
from cvstudio.core.wire import Message, read_message, write_message
from cvstudio.ml import environment

if TYPE_CHECKING:
    from cvstudio.ml.explaining.explain import Question
    from cvstudio.ml.load import LoadedNetwork
    from cvstudio.ml.predict import ExportedNetwork, OnnxNetwork
    from cvstudio.ml.predicting.asking import ReadyNetwork
    from cvstudio.ml.preprocess import Image
    from cvstudio.ml.preview import Previews
    from cvstudio.ml.smart import Smart

_NETWORKS_KEPT = 2
_AHEAD = frozenset({"smart_ahead"})
"""Requests that nobody waits for."""


def main() -> int:
    """Serve until the window closes its end; the exit code."""
    requests, answers = _private_streams()
    environment.prepare()
    return serve(requests, answers)


def _private_streams() -> tuple[BinaryIO, BinaryIO]:
    """The two pipes under new numbers, so that nobody else reads or prints between messages."""
    requests = os.fdopen(os.dup(0), "rb")
    answers = os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    return requests, answers


def serve(requests: BinaryIO, answers: BinaryIO) -> int:
    """Read requests in a thread, so that newer ones can replace those that wait."""
    inbox = _Inbox()
    reader = threading.Thread(target=inbox.fill, args=(requests,), daemon=True)
    reader.start()
    worker = _Worker(inbox, lambda message: write_message(answers, message))
    while (found := inbox.next()) is not None:
        message, superseded = found
        for old in superseded:
            write_message(answers, Message({**_name(old), "ok": False, "superseded": True}))
        try:
            answer_to = worker.handler(message)  # loads libraries, which is not the work's fault
            start = time.perf_counter()
            answer = answer_to(message)
        except Superseded:
            answer = Message({**_name(message), "ok": False, "superseded": True})
        except CVStudioError as error:
            told = {"ok": False, "error": error.message, "hint": error.hint}
            answer = Message({**_name(message), **told})
        else:
            took = round(1000 * (time.perf_counter() - start), 1)
            head = {**_name(message), "ok": True, "milliseconds": took, **answer.header}
            answer = Message(head, answer.arrays)
        write_message(answers, answer)
    return 0


def _name(message: Message) -> dict[str, Any]:
    return {"id": message.header.get("id"), "kind": message.header.get("kind")}


class Superseded(Exception):  # it is an answer, not an error
    """Raised in the middle of a request that nobody wants any more."""


class _Inbox:
    """Requests that wait. next() takes the oldest, in its newest version of the same kind; what is
    asked ahead of need comes last."""

    def __init__(self) -> None:
        self._waiting: deque[Message] = deque()
        self._changed = threading.Condition()
        self._over = False

    def fill(self, stream: BinaryIO) -> None:
        """Read until the other side is gone."""
        while (message := _read(stream)) is not None:
            with self._changed:
                self._waiting.append(message)
                self._changed.notify()
        with self._changed:
            self._over = True
            self._changed.notify()

    def next(self) -> tuple[Message, list[Message]] | None:
        """A request to work on, and those that it makes needless; None at the end."""
        with self._changed:
            while not self._waiting and not self._over:
                self._changed.wait()
            # The window is gone: nobody waits for what is left.
            if self._over:
                return None
            kinds = [m.header.get("kind") for m in self._waiting]
            kind = next((kind for kind in kinds if kind not in _AHEAD), kinds[0])
            same = [m for m in self._waiting if m.header.get("kind") == kind]
            self._waiting = deque(m for m in self._waiting if m.header.get("kind") != kind)
            return same[-1], same[:-1]

    def waits(self, *kinds: str, after: int = 0, but: Message | None = None) -> bool:
        """Whether a request of one of these kinds waits, or of any kind; the end is one too.

        `after`: only requests that were made after the one of that id; `but`: not this one.
        """
        with self._changed:
            return self._over or any(
                (not kinds or m.header.get("kind") in kinds)
                and int(m.header.get("id") or 0) > after
                and m is not but
                for m in self._waiting
            )

    def newest(self, kind: str, **fields: object) -> Message | None:
        """The newest request of a kind that waits, if its header holds these fields."""
        with self._changed:
            found = next((m for m in reversed(self._waiting) if m.header.get("kind") == kind), None)
            if found is None or any(found.header.get(name) != v for name, v in fields.items()):
                return None
            return found


def _read(stream: BinaryIO) -> Message | None:
    try:
        return read_message(stream)
    except EOFError:
        return None


class _Worker:
    """Answers requests; keeps what the next one will need again."""

    def __init__(self, inbox: _Inbox, tell: Callable[[Message], None]) -> None:
        self._inbox, self._tell = inbox, tell
        self._previews: Previews | None = None
        self._smart: Smart | None = None
        self._networks: dict[tuple[Path, str, int], LoadedNetwork] = {}
        self._onnx: tuple[tuple[Path, int], OnnxNetwork] | None = None
        self._opened: tuple[tuple[Path, int], ExportedNetwork] | None = None
        self._watched: tuple[LoadedNetwork, int, ReadyNetwork] | None = None
        self._kinds: Mapping[str, Callable[[Message], Message]] = {
            "augment": self._augment,
            "trial": self._trial,
            "ladder": lambda message: self.previews.ladder(message.header),
            "times": self._times,
            "read_pipeline": _read_pipeline,
            "write_pipeline": _write_pipeline,
            "explain": self._explain,
            "explain_check": self._explain_check,
            "explain_file": self._explain_file,
            "explain_rest": lambda message: Message({}),
            "predict": self._predict,
            "describe": self._describe,
            "answers": self._answers,
            "warm": self._warm,
            "smart_network": lambda message: self.smart.network(message),
            "smart_look": self._look,
            "smart_prompt": lambda message: self.smart.prompt(message),
            "smart_ahead": self._look_ahead,
            "smart_rest": lambda message: Message({}),
        }

    def handler(self, message: Message) -> Callable[[Message], Message]:
        """What answers a request, ready to work. Raises CVStudioError for an unknown kind."""
        kind = str(message.header.get("kind"))
        if kind not in self._kinds:
            raise CVStudioError(f"The live process knows no request called {kind}.")
        if kind in ("augment", "trial", "ladder", "times"):
            _ = self.previews
        elif kind.startswith("smart_") and kind != "smart_rest":
            _ = self.smart
        return self._kinds[kind]

    def _augment(self, message: Message) -> Message:
        """Variants; where they take long, newer ones end them in the middle."""
        from cvstudio.ml.preview import GaveWay

        try:
            return self.previews.augment(message.header, give_way=self._pictures_wait)
        except GaveWay as error:
            raise Superseded from error

    def _trial(self, message: Message) -> Message:
        """Trial images; a wish for pictures ends it, after which the window asks again."""
        from cvstudio.ml.preview import GaveWay

        try:
            return self.previews.trial(message.header, give_way=self._pictures_wait)
        except GaveWay as error:
            raise Superseded from error

    def _times(self, message: Message) -> Message:
        """What steps cost; a wish for pictures ends it in the middle."""
        return self.previews.times(message.header, give_way=self._pictures_wait)

    def _pictures_wait(self) -> bool:
        return self._inbox.waits("augment", "ladder")

    @property
    def previews(self) -> Previews:
        if self._previews is None:
            from cvstudio.ml.preview import Previews

            self._previews = Previews()
        return self._previews

    @property
    def smart(self) -> Smart:
        if self._smart is None:
            from cvstudio.ml.smart import Smart

            self._smart = Smart()
        return self._smart

    def _look(self, message: Message) -> Message:
        """Look at a picture; a newer one, or smart_rest, ends it in the middle."""
        from cvstudio.ml.sam import GaveWay

        def tell(share: float) -> None:
            self._tell(Message({**_name(message), "progress": round(share, 3)}))

        def give_way() -> bool:
            after = int(message.header.get("id") or 0)
            return self._inbox.waits("smart_look", "smart_rest", after=after)

        try:
            return self.smart.look(message, tell=tell, give_way=give_way)
        except GaveWay as error:
            raise Superseded from error

    def _look_ahead(self, message: Message) -> Message:
        """Look at a picture before it is asked for; any other request ends it in the middle, but
        one about this picture, which is told how far it is instead."""

        def tell(key: str, share: float) -> None:
            waiting = self._inbox.newest("smart_look", key=key)
            if waiting is not None:
                self._tell(Message({**_name(waiting), "progress": round(share, 3)}))

        def give_way(key: str) -> bool:
            return self._inbox.waits(but=self._inbox.newest("smart_look", key=key))

        return self.smart.ahead(message, tell=tell, give_way=give_way)

    def _warm(self, message: Message) -> Message:
        """Load the libraries that previews need, while the person looks around."""
        _ = self.previews
        return Message({})

    def _explain(self, message: Message) -> Message:
        """header: run (directory), device, path, page, window, class_id, box (x, y, w, h), method
        (a key of core.explaining), layer ("", "1" the last map, ... or "all").

        Answers the array "heat" (h, w) float32 0 to 1, and class_id, score, box, layer (in words),
        layers [{key, words}], tokens and note. Occlusion tells its progress, and a newer request
        ends it in the middle.
        """
        from cvstudio.ml.explaining.explain import ask
        from cvstudio.ml.explaining.heat import told

        network, rgb, question = self._asked(message)
        found = ask(network, rgb, question, tell=self._far(message))
        header = told(found)
        return Message({**header, "class_id": header["class"]}, {"heat": found.heat})

    def _explain_check(self, message: Message) -> Message:
        """header as of explain. Answers words, likeness and stages: whether the map follows what
        was learned (ml.explaining.randomising)."""
        from cvstudio.ml.explaining.randomising import as_json, check

        return Message(as_json(check(*self._asked(message), tell=self._far(message))))

    def _explain_file(self, message: Message) -> Message:
        """header: file (exported, of any engine), path, page, window (null: the file's own),
        class_id, box. Answers as explain does, by occlusion; explain_rest ends it in the middle."""
        from cvstudio.ml.explaining.heat import told
        from cvstudio.ml.explaining.occlusion import asked_file, occlude
        from cvstudio.ml.seeing import see

        header = message.header
        network = self._file(Path(header["file"]))
        window = header.get("window") or network.record.window
        rgb = see(
            Path(header["path"]), int(header.get("page", 0)), tuple(window) if window else None,
            network.preprocessor,
        )  # fmt: skip
        found = occlude(
            asked_file(network), rgb, class_id=header.get("class_id"),
            box=Box(*header["box"]) if header.get("box") else None, tell=self._far(message),
        )  # fmt: skip
        said = told(found)
        names = {known.id: known.name for known in network.classes}
        return Message(
            {**said, "class_id": found.class_id, "name": names[found.class_id]},
            {"heat": found.heat},
        )

    def _far(self, message: Message) -> Callable[[int, int], None]:
        """What tells how far a request is, and ends it where something else is to be explained."""

        def tell(done: int, total: int) -> None:
            if self._inbox.waits("explain", "explain_check", "explain_file", "explain_rest"):
                raise Superseded
            self._tell(Message({**_name(message), "progress": round(done / total, 3)}))

        return tell

    def _asked(self, message: Message) -> tuple[LoadedNetwork, Image, Question]:
        """The network, the image and the question of a request to explain."""
        from cvstudio.core.explaining import USUAL
        from cvstudio.ml.explaining.explain import Question
        from cvstudio.ml.seeing import see

        header = message.header
        network = self._network(Path(header["run"]), str(header.get("device", "cpu")))
        window = header.get("window")
        rgb = see(
            Path(header["path"]), int(header.get("page", 0)), tuple(window) if window else None,
            network.preprocessor,
        )  # fmt: skip
        box = Box(*header["box"]) if header.get("box") else None
        method, layer = str(header.get("method") or USUAL), str(header.get("layer") or "")
        return network, rgb, Question(header.get("class_id"), box, method, layer)

    def _predict(self, message: Message) -> Message:
        """header: onnx (file) or run (directory) with device; path, page, window (null: the one
        that belongs to the network). Or the picture itself, as the array "rgb" (h, w, 3) uint8.

        Answers prediction (core.predictions.to_json), teller (core.answers.Teller.to_json), classes
        [{id, name, colour}], score (the threshold inside the file, or null), class_scores (where
        images have several: by class id the score from which it counts), form
        (core.forms.Form.to_json) and answer_ms (without reading the image).
        """
        from cvstudio.core.predictions import to_json
        from cvstudio.ml.seeing import see

        header = message.header
        asked = self._ready(header)
        network, teller = asked.network, asked.teller
        if "rgb" in message.arrays:
            rgb = message.arrays["rgb"]
            if network.preprocessor.sees is Sees.ALL:
                raise CVStudioError("The network wants all that is measured, not pictures.")
        else:
            window = header.get("window") or asked.window
            rgb = see(
                Path(header["path"]), int(header.get("page", 0)),
                tuple(window) if window else None, network.preprocessor,
            )  # fmt: skip
        start = time.perf_counter()
        (answer,) = network.predict([rgb], [0])
        took = 1000 * (time.perf_counter() - start)
        classes = [{"id": c.id, "name": c.name, "colour": c.colour} for c in network.classes]
        floors = teller.usual_floors(None) if network.several else {}
        return Message(
            {"prediction": to_json(answer), "classes": classes, "score": teller.score,
             "class_scores": {str(k): v for k, v in floors.items()},
             "answer_ms": round(took, 1), "form": network.form.to_json(),
             "teller": teller.to_json()}
        )  # fmt: skip

    def _ready(self, header: Mapping[str, Any]) -> ReadyNetwork:
        """The network that a request names, kept for the next one."""
        from cvstudio.ml.predict import teller_of
        from cvstudio.ml.predicting.asking import ReadyNetwork, asked_run

        if header.get("onnx"):
            path = Path(header["onnx"])
            network = self._exported(path)
            return ReadyNetwork(network, teller_of(network, path.name), network.record.window)
        run, device = Path(header["run"]), str(header.get("device", "cpu"))
        loaded = self._network(run, device)
        stamp = written(run)  # what a person chooses for the run holds from the next picture on
        kept = self._watched
        if kept is None or kept[0] is not loaded or kept[1] != stamp:
            kept = self._watched = loaded, stamp, asked_run(run, loaded)
        return kept[2]

    def _describe(self, message: Message) -> Message:
        """header: onnx (file). Answers content: what ml.describe says of it."""
        from cvstudio.ml.describe import describe

        return Message({"content": describe(self._exported(Path(message.header["onnx"])))})

    def _answers(self, message: Message) -> Message:
        """header: onnx (file), path, page, score (from which objects count, or null).

        Answers content: what `cvstudio predict` writes, about this page alone.
        """
        from cvstudio.ml.predict import predict_page

        header = message.header
        onnx = Path(header["onnx"])
        content = predict_page(
            self._exported(onnx), onnx, Path(header["path"]), int(header["page"]),
            score=header.get("score"),
        )  # fmt: skip
        return Message({"content": content})

    def _file(self, path: Path) -> ExportedNetwork:
        """An exported file of any engine, kept for the next request; of ONNX without torch."""
        if path.suffix.lower() == ".onnx":
            return self._exported(path)
        from cvstudio.ml.exporting.engines import open_exported

        stamp = path.stat().st_mtime_ns if path.is_file() else 0
        if self._opened is None or self._opened[0] != (path, stamp):
            self._opened = ((path, stamp), open_exported(path))
        return self._opened[1]

    def _exported(self, path: Path) -> OnnxNetwork:
        from cvstudio.ml.predict import OnnxNetwork

        stamp = path.stat().st_mtime_ns if path.is_file() else 0
        if self._onnx is None or self._onnx[0] != (path, stamp):
            self._onnx = ((path, stamp), OnnxNetwork(path))
        return self._onnx[1]

    def _network(self, run: Path, device: str) -> LoadedNetwork:
        from cvstudio.core.jobdir import JobDir
        from cvstudio.ml.load import load_network

        best = JobDir(run).best
        # A run that still trains writes a better checkpoint now and then.
        stamp = best.stat().st_mtime_ns if best.is_file() else 0
        key = (run, device, stamp)
        if key not in self._networks:
            for old in [k for k in self._networks if k[:2] == key[:2]]:
                del self._networks[old]
            while len(self._networks) >= _NETWORKS_KEPT:
                del self._networks[next(iter(self._networks))]
            self._networks[key] = load_network(run, device=device)
        return self._networks[key]


def _read_pipeline(message: Message) -> Message:
    """header: path of albumentations' file, size (px of training).

    Answers steps, and notes on what is not as in the file.
    """
    from cvstudio.augment.exchange import read_file
    from cvstudio.augment.presets import dump_steps

    found = read_file(Path(message.header["path"]), size=int(message.header["size"]))
    return Message({"steps": dump_steps(found.items), "notes": found.notes})


def _write_pipeline(message: Message) -> Message:
    """header: steps, path, size (px of training). Answers notes on what the file cannot say."""
    from cvstudio.augment.exchange import write_file
    from cvstudio.augment.presets import load_steps

    header = message.header
    items = load_steps(header["steps"])
    return Message({"notes": write_file(items, Path(header["path"]), size=int(header["size"]))})
