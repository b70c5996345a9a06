"""Videos as sequences of frames: how many there are, and exactly the one that is asked for.

OpenCV's seeking goes by time stamps and is a guess where frames are missing or unevenly spaced. So
each video is decoded once from end to end, and the index that this gives (time stamp, key frame,
checksum of each frame) is what every later read is held against. Nothing here writes frames.
"""

from __future__ import annotations

import hashlib
import io
import logging
import os
import threading
import zipfile
import zlib
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cvstudio.core import places
from cvstudio.core.errors import ImageError
from cvstudio.core.opencv import cv2
from cvstudio.core.video_names import clock
from cvstudio.core.words import ordinal
from cvstudio.imaging import header
from cvstudio.imaging.header import ImageInfo

Rgb = NDArray[np.uint8]
Told = Callable[[int, int], None]
"""Called with how many frames have been looked at, and of how many (0: unknown); may raise."""

_OPEN_READERS = 3
_KEPT_BYTES = 64 << 20  # decoded frames that a reader remembers
_SPARSE = 4  # the checksum looks at every fourth pixel of every fourth row
_TOLD_EVERY = 20
_TRIES = 4
_FORMAT = 2  # of the index files
_ENDS = 1 << 20  # bytes at both ends of a file that its fingerprint looks at

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class VideoFacts:
    """What a video's header says. The number of frames is a claim until the video was scanned."""

    width: int
    height: int
    frames: int
    fps: float
    codec: str

    @property
    def seconds(self) -> float:
        return self.frames / self.fps if self.fps > 0 else 0.0


@dataclass(frozen=True, slots=True)
class Step:
    """Which frames of a video are taken: every `frames`-th, or one every `seconds` when above 0."""

    frames: int = 10
    seconds: float = 0.0

    @property
    def words(self) -> str:
        """For the middle of a sentence: "every 10th frame", "a frame every 2 s"."""
        if self.seconds > 0:
            return f"a frame every {self.seconds:g} s"
        return "every frame" if self.frames == 1 else f"every {ordinal(self.frames)} frame"

    def count(self, facts: VideoFacts) -> int:
        """About how many frames of a video that would be, by its header."""
        if self.seconds > 0:
            return max(1, int(np.ceil(facts.seconds / self.seconds)))
        return -(-facts.frames // self.frames)

    def choose(self, index: VideoIndex) -> list[int]:
        """The numbers of the frames, rising, the first one always among them."""
        if self.seconds <= 0:
            return list(range(0, len(index), self.frames))
        times = index.times if index.ordered else np.arange(len(index)) * 1000 / (index.fps or 25)
        # The first frame that is shown at or after each mark; half a millisecond is rounding.
        marks = np.floor((times - times[0] + 0.5) / (self.seconds * 1000))
        return [int(frame) for frame in np.unique(marks, return_index=True)[1]]


@dataclass(frozen=True, slots=True)
class VideoIndex:
    """What a scan of a whole video found. Arrays have one entry a frame.

    `times` are milliseconds, `starts` says where decoding can begin, `sums` are checksums; `stated`
    is how many frames the header had promised. `fingerprint` is the file's as it was scanned.
    """

    width: int
    height: int
    fps: float
    stated: int
    times: NDArray[np.float64]
    starts: NDArray[np.bool_]
    sums: NDArray[np.uint32]
    fingerprint: str = ""

    def __len__(self) -> int:
        return len(self.times)

    @property
    def seconds(self) -> float:
        """How long the frames last that are there, the last one as long as most."""
        if not self.ordered or len(self) < 2:
            return len(self) / self.fps if self.fps > 0 else 0.0
        gap = float(np.median(np.diff(self.times)))
        return float(self.times[-1] - self.times[0] + gap) / 1000

    def seconds_at(self, frame: int) -> float:
        """When a frame, counted from 0, is shown: by its time stamp, else by the frame rate."""
        return float(self.times[frame]) / 1000 if self.ordered else frame / (self.fps or 25.0)

    @property
    def ordered(self) -> bool:
        """Whether each frame can be told by its time stamp."""
        return bool(np.all(np.diff(self.times) > 0))

    @property
    def breaks_off(self) -> str:
        """Words for a video that ends before its header says; "" when it does not. Time decides
        and not the number of frames, which headers only guess from it."""
        stated = self.stated / self.fps if self.fps > 0 else 0.0
        longest = float(np.max(np.diff(self.times), initial=0.0)) / 1000 if self.ordered else 0.0
        if stated - self.seconds <= max(longest, 0.01 * stated, 0.2):
            return ""
        return f"breaks off after {len(self):,} frames, at {clock(self.seconds)} of {clock(stated)}"

    def info(self, frame: int) -> ImageInfo:
        """A frame as an image of its file."""
        return ImageInfo("Video", self.width, self.height, 3, 8, page=frame, pages=len(self))


def look(path: Path) -> VideoFacts:
    """What the header of a video says; no more than a frame is decoded. Raises ImageError."""
    capture = _open(path)
    try:
        return _facts(capture, path)
    finally:
        capture.release()


def index_of(path: Path, told: Told | None = None) -> VideoIndex:
    """The index of a video: from the cache, or by decoding it once. Raises ImageError."""
    file = places.videos() / f"{_key(path)}.npz"
    index = _load(file)
    if index is None or index.fingerprint != fingerprint(path):
        index = _scan(path, told)
        _save(file, index)
    return index


def fingerprint(path: Path) -> str:
    """What tells a video from another one of its size without reading all of it: its size, and a
    checksum of its first and its last megabyte, where containers keep their tables. Raises
    ImageError."""
    digest = hashlib.sha256()
    try:
        with open(path, "rb", buffering=0) as stream:
            size = os.fstat(stream.fileno()).st_size
            digest.update(f"{size}\0".encode())
            digest.update(stream.read(_ENDS))
            stream.seek(max(size - _ENDS, 0))
            digest.update(stream.read(_ENDS))
    except OSError as error:
        raise ImageError(f"{path.name} cannot be opened: {error.strerror or error}.") from None
    return digest.hexdigest()[:32]


def copied(source: Path, target: Path) -> None:
    """A video has been copied: its copy need not be decoded to be known."""
    index = _load(places.videos() / f"{_key(source)}.npz")
    if index is not None:
        _save(places.videos() / f"{_key(target)}.npz", index)


def read_frame(path: Path, frame: int) -> Rgb:
    """Exactly that frame, counted from 0, (h, w, 3) RGB. For any thread; raises ImageError."""
    return _readers.get(path).read(frame)


# -- opening


def _open(path: Path, *, threads: int = 0) -> Any:
    header.refuse_name(path)  # OpenCV crashes on it
    header.file_size(path)  # says in words when there is no file
    try:
        with open(path, "rb") as stream:
            head = stream.read(4096)
    except OSError as error:
        raise ImageError(f"{path.name} cannot be opened: {error.strerror or error}.") from None
    stranger = header.describe_stranger(head)
    if "text" in stranger or "document" in stranger:
        # FFmpeg would follow a playlist to wherever it leads.
        raise ImageError(f"{path.name} {stranger.replace('an image', 'a video')}.")
    wanted = [cv2.CAP_PROP_N_THREADS, threads or min(4, os.cpu_count() or 1)]
    capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG, wanted)
    if not capture.isOpened():
        raise ImageError(
            f"{path.name} cannot be read as a video: it is damaged, cut off, or of an unknown kind."
        )
    return capture


def _facts(capture: Any, path: Path) -> VideoFacts:
    done, frame = capture.read()
    if not done:
        raise ImageError(f"{path.name} is damaged: no frame of it can be decoded.")
    code = int(capture.get(cv2.CAP_PROP_FOURCC)) & 0xFFFFFFFF
    letters = code.to_bytes(4, "little").decode("ascii", "replace")
    fps = float(capture.get(cv2.CAP_PROP_FPS))
    return VideoFacts(
        width=int(frame.shape[1]),
        height=int(frame.shape[0]),
        frames=max(int(capture.get(cv2.CAP_PROP_FRAME_COUNT)), 1),
        fps=fps if np.isfinite(fps) and fps > 0 else 0.0,
        codec="".join(c for c in letters if c.isalnum()),
    )


# -- the index


def _scan(path: Path, told: Told | None) -> VideoIndex:
    mark, facts = fingerprint(path), look(path)
    times: list[float] = []
    starts: list[bool] = []
    sums: list[int] = []
    capture = _open(path)
    try:
        while True:
            if told is not None and len(times) % _TOLD_EVERY == 0:
                told(len(times), facts.frames)
            done, frame = capture.read()
            if not done or frame.shape[:2] != (facts.height, facts.width):
                break
            times.append(float(capture.get(cv2.CAP_PROP_POS_MSEC)))
            starts.append(int(capture.get(cv2.CAP_PROP_FRAME_TYPE)) == ord("I"))
            sums.append(_sum_of(frame))
    except cv2.error as error:
        log.info("%s ends after %d frames: %s", path, len(times), error)
    finally:
        capture.release()
    if not times:
        raise ImageError(f"{path.name} is damaged: no frame of it can be decoded.")
    starts[0] = True
    return VideoIndex(
        facts.width, facts.height, facts.fps, facts.frames,
        np.array(times), np.array(starts), np.array(sums, np.uint32), mark,
    )  # fmt: skip


def _sum_of(bgr: NDArray[Any]) -> int:
    return zlib.crc32(np.ascontiguousarray(bgr[::_SPARSE, ::_SPARSE]).tobytes())


def _key(path: Path) -> str:
    """What changes when the file is another one."""
    try:
        stat = path.stat()
    except OSError as error:
        raise ImageError(f"{path.name} cannot be opened: {error.strerror or error}.") from None
    words = f"{_FORMAT}\0{path.absolute()}\0{stat.st_mtime_ns}\0{stat.st_size}"
    return hashlib.sha256(words.encode("utf-8", "surrogateescape")).hexdigest()[:32]


def _load(file: Path) -> VideoIndex | None:
    """A stored index; None when there is none or it is not whole."""
    try:
        with np.load(file, allow_pickle=False) as found:
            width, height, stated = (int(n) for n in found["numbers"])
            index = VideoIndex(
                width, height, float(found["fps"]), stated,
                found["times"], found["starts"], found["sums"], str(found["fingerprint"]),
            )  # fmt: skip
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, EOFError, zlib.error, zipfile.BadZipFile) as error:
        log.warning("the index %s is made again: %s", file.name, error)
        return None
    return index if len(index.times) == len(index.starts) == len(index.sums) > 0 else None


def _save(file: Path, index: VideoIndex) -> None:
    """Keep an index; a full disk costs the next reader a scan, and nothing else."""
    content = io.BytesIO()
    np.savez(
        content, numbers=np.array([index.width, index.height, index.stated]), fps=index.fps,
        times=index.times, starts=index.starts, sums=index.sums, fingerprint=index.fingerprint,
    )  # fmt: skip
    partial = file.with_name(f"{file.name}.{os.getpid()}-{threading.get_ident()}.partial")
    try:
        partial.write_bytes(content.getvalue())
        os.replace(partial, file)
    except OSError as error:
        partial.unlink(missing_ok=True)
        log.warning("the index of a video is not kept: %s", error)


# -- reading


class _Reader:
    """One open video. It stands before frame `_at`; going forwards costs a frame each."""

    def __init__(self, path: Path, *, threads: int) -> None:
        self._path, self._threads = path, threads
        self._lock = threading.Lock()
        self._index = index_of(path)
        self._capture = _open(path, threads=threads)
        self._at = 0
        self._starts = np.flatnonzero(self._index.starts)
        self._ordered = self._index.ordered
        self._kept: OrderedDict[int, Rgb] = OrderedDict()
        self._most_kept = max(1, _KEPT_BYTES // (self._index.width * self._index.height * 3))

    def read(self, frame: int) -> Rgb:
        count = len(self._index)
        if not 0 <= frame < count:
            raise ImageError(f"{self._path.name} has {count:,} frames, and no frame {frame + 1:,}.")
        with self._lock:
            found = self._kept.get(frame)
            if found is None:
                found = self._decode(frame)
                self._kept[frame] = found
            self._kept.move_to_end(frame)
            while len(self._kept) > self._most_kept:
                self._kept.popitem(last=False)
            return found.copy()

    def close(self) -> None:
        with self._lock:
            self._capture.release()

    def _decode(self, frame: int) -> Rgb:
        """Go on or seek, and believe only what agrees with the index; else count from the start,
        where a damaged frame may be decoded to other pixels than when the index was made."""
        start = int(self._starts[np.searchsorted(self._starts, frame, side="right") - 1])
        if not start <= self._at <= frame:
            self._seek(frame)
        bgr = self._walk(frame)
        if bgr is None or _sum_of(bgr) != self._index.sums[frame]:
            self._restart()
            bgr = self._walk(frame)
        if bgr is None:
            raise ImageError(
                f"Frame {frame + 1:,} of {self._path.name} cannot be decoded: has the file changed?"
            )
        return np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), np.uint8)

    def _walk(self, frame: int) -> NDArray[Any] | None:
        """Decode on to a frame; None when the video ends before or already stands behind it."""
        if self._at > frame:
            return None
        while self._at < frame:
            if not self._capture.grab():
                return None
            self._at += 1
        done, bgr = self._capture.read()
        self._at += 1
        return bgr if done else None

    def _seek(self, frame: int) -> None:
        """Stand before a frame, as far as its time stamp says, or somewhere earlier."""
        times, fps = self._index.times, self._index.fps
        back = 0
        for _ in range(_TRIES if self._ordered and fps > 0 else 0):
            wanted = round((times[frame] - times[0]) / 1000 * fps) - back
            if wanted < 2:
                break
            self._capture.set(cv2.CAP_PROP_POS_FRAMES, wanted)
            last = float(self._capture.get(cv2.CAP_PROP_POS_MSEC))  # of the frame before `wanted`
            place = int(np.searchsorted(times, last - 1e-3))
            if place < frame and abs(times[place] - last) < 1e-3:
                self._at = place + 1
                return
            back = back * 4 + 8
        self._restart()

    def _restart(self) -> None:
        self._capture.release()
        self._capture = _open(self._path, threads=self._threads)
        self._at = 0


class _Readers:
    """The open readers of this process, the least used ones closed."""

    def __init__(self, *, threads: int = 0) -> None:
        self._threads = threads
        self._lock = threading.Lock()
        self._open: OrderedDict[str, _Reader] = OrderedDict()

    def get(self, path: Path) -> _Reader:
        key = _key(path)
        with self._lock:
            reader = self._open.get(key)
            if reader is not None:
                self._open.move_to_end(key)
                return reader
        made = _Reader(path, threads=self._threads)  # may take long: others read on
        with self._lock:
            reader = self._open.setdefault(key, made)
            dropped = [made] if reader is not made else []
            while len(self._open) > _OPEN_READERS:
                dropped.append(self._open.popitem(last=False)[1])
        for each in dropped:
            each.close()
        return reader


_readers = _Readers()
_inherited: list[_Readers] = []


def _start_afresh() -> None:
    """In a forked child: the parent's decoders share its file positions, and their threads are not
    here. They are neither used nor released; a child is one of many, so it gets one thread."""
    global _readers
    _inherited.append(_readers)
    _readers = _Readers(threads=1)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_start_afresh)
