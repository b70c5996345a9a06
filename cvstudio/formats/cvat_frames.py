"""Which image a frame of CVAT's tracks is: an image named after it, a frame of a video, or the
place in the list of images."""

from __future__ import annotations

import re
from pathlib import Path

from cvstudio.core.video_names import is_video_name
from cvstudio.formats.base import ParsedImage
from cvstudio.formats.cvat_xml import Node
from cvstudio.formats.files import ImageIndex, walk

_NAMED = re.compile(r"frame_(\d{1,9})$", re.IGNORECASE)


def number_of(path: Path) -> int | None:
    """The number of the frame that an image is named after; None when it is not."""
    found = _NAMED.match(path.stem)
    return int(found[1]) if found is not None else None


class Frames:
    """Finds the images of frames; each is made once."""

    def __init__(self, root: Path, index: ImageIndex, meta: Node | None) -> None:
        self._root, self._meta = root, meta
        self._paths = sorted(folder / name for folder, names in index.folders.items()
                             for name in names)  # fmt: skip
        self._named = {n: path for path in self._paths if (n := number_of(path)) is not None}
        self.video = None if self._named else self._video()
        self._start, self._step = self._told("start_frame", 0), self._told_step()
        self.made: dict[int, ParsedImage] = {}

    def image(self, frame: int) -> ParsedImage | None:
        """The image of a frame; None when it is not here."""
        if frame not in self.made:
            path = self._path(frame)
            if path is None:
                return None
            page = frame if path == self.video else 0
            self.made[frame] = ParsedImage(path, page=page)
        return self.made[frame]

    def rest(self) -> list[ParsedImage]:
        """Images of frames that nothing was asked about. Those of a video stay in it."""
        if self.video is not None:
            return []
        seen = {image.path for image in self.made.values()}
        return [ParsedImage(path, bare=True) for path in self._listed() if path not in seen]

    def _listed(self) -> list[Path]:
        return [*self._named.values()] if self._named else self._paths

    def _path(self, frame: int) -> Path | None:
        if self._named:
            return self._named.get(frame)
        if self.video is not None:
            return self.video
        place, off = divmod(frame - self._start, self._step)
        size = self._told("size", 0)
        # A list of another length has images of other frames: which is which nobody can tell.
        if off or size not in (0, len(self._paths)) or not 0 <= place < len(self._paths):
            return None
        return self._paths[place]

    def _video(self) -> Path | None:
        """The video that the file names, or the only one beside it."""
        videos = [
            folder / name
            for folder, names in walk(self._root, depth=4)
            for name in names
            if is_video_name(name)
        ]
        source = next((n.text.strip() for n in self._nodes("source")), "")
        same = [path for path in videos if source and path.name == Path(source).name]
        if same:
            return same[0]
        return videos[0] if len(videos) == 1 and not self._paths else None

    def _nodes(self, tag: str) -> list[Node]:
        return list(self._meta.anywhere(tag)) if self._meta is not None else []

    def _told(self, tag: str, default: int) -> int:
        found = next((n.text.strip() for n in self._nodes(tag)), "")
        return int(found) if re.fullmatch(r"\d{1,9}", found) else default

    def _told_step(self) -> int:
        """Every how many frames one was taken: "step=5"."""
        told = next((n.text for n in self._nodes("frame_filter")), "")
        found = re.search(r"step\s*=\s*(\d{1,6})", told)
        return max(1, int(found[1])) if found else 1
