"""Images whose files have moved: which they are, and finding them again in a folder.

    plan = find(project, Path("/new/disk"))      # takes time: call it in a thread
    relocate(project, plan, source=self)         # one undo step; files are never touched

A file is known by its content, so that another picture of the same name is not taken for it; one
that was renamed is found, too.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

from sqlalchemy import select
from sqlalchemy.orm import Session

from cvstudio.core.words import counted
from cvstudio.project import commands
from cvstudio.project.project import Project
from cvstudio.project.tables import ImageRow

Progress = Callable[[str, int, int], None]
"""Words, how many are done, of how many; 0 when nobody knows."""

_BLOCK = 2**20


@dataclass(frozen=True)
class Missing:
    """A file that is not where it was, with the images (its pages) that it holds."""

    uri: str
    size: int
    sha256: str
    image_ids: tuple[int, ...]


@dataclass(frozen=True)
class Relocation:
    """What a search found: missing files with their new places, and those that stay missing."""

    found: tuple[tuple[Missing, Path], ...] = ()
    others: tuple[Missing, ...] = ()
    """There is a file of that name, and its content is another."""
    lost: tuple[Missing, ...] = ()

    @property
    def image_count(self) -> int:
        """How many images are found; a file may hold several."""
        return sum(len(missing.image_ids) for missing, _ in self.found)


def missing_files(s: Session, project: Project) -> list[Missing]:
    """The files that are not where they were, in the order of the gallery."""
    columns = (ImageRow.id, ImageRow.uri, ImageRow.size, ImageRow.sha256)
    files: dict[str, tuple[int, str, list[int]]] = {}
    for id, uri, size, sha256 in s.execute(
        select(*columns).order_by(ImageRow.sort_key, ImageRow.id)
    ):
        files.setdefault(uri, (size, sha256, []))[2].append(id)
    return [
        Missing(uri, size, sha256, tuple(ids))
        for uri, (size, sha256, ids) in files.items()
        if not project.image_path(uri).is_file()
    ]


def find(
    project: Project,
    folder: Path,
    *,
    progress: Progress = lambda _words, _done, _total: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> Relocation:
    """Look in a folder, and in those inside it, for the files that are missing.

    Reads every file that may be one of them; a cancelled search found what it found so far.
    """
    with project.read() as session:
        wanted = missing_files(session, project)
        uris = set(session.scalars(select(ImageRow.uri)))
    candidates = _Candidates(folder, wanted, taken=uris - {m.uri for m in wanted}, project=project)
    candidates.gather(progress, cancelled)
    found: list[tuple[Missing, Path]] = []
    others: list[Missing] = []
    lost: list[Missing] = []
    for place, missing in enumerate(wanted):
        if cancelled():
            lost += wanted[place:]
            break
        progress("Comparing files", place, len(wanted))
        path = candidates.best(missing)
        if path is not None:
            found.append((missing, path))
        elif candidates.same_name(missing):
            others.append(missing)
        else:
            lost.append(missing)
    return Relocation(tuple(found), tuple(others), tuple(lost))


def relocate(project: Project, plan: Relocation, *, source: object = None) -> None:
    """Point the images to where their files were found, as one undo step."""
    uris = {
        image_id: project.uri_of(path)
        for missing, path in plan.found
        for image_id in missing.image_ids
    }
    words = f"Find {counted(plan.image_count, 'moved image')}"
    with project.transaction(words, source=source) as session:
        commands.relocate_images(session, uris)


class _Candidates:
    """The files of a folder that may be missing ones, by name and by size."""

    def __init__(
        self, folder: Path, wanted: Sequence[Missing], *, taken: set[str], project: Project
    ) -> None:
        self._folder, self._project = folder, project
        self._names = {_name(missing.uri) for missing in wanted}
        self._sizes = {missing.size for missing in wanted if missing.size}
        self._taken = taken
        self._by_name: dict[str, list[Path]] = {}
        self._by_size: dict[int, list[Path]] = {}
        self._size_of: dict[Path, int] = {}
        self._digests: dict[Path, str] = {}

    def gather(self, progress: Progress, cancelled: Callable[[], bool]) -> None:
        """Look through the folder once."""
        for number, entry in enumerate(_files(self._folder)):
            if cancelled():
                return
            if number % 500 == 0:
                progress("Looking through the folder", number, 0)
            path = Path(entry.path)
            try:
                size = entry.stat().st_size
            except OSError:  # a link to nothing, or gone meanwhile
                continue
            named = entry.name.casefold() in self._names
            if not (named or size in self._sizes) or self._project.uri_of(path) in self._taken:
                continue
            self._size_of[path] = size
            if named:
                self._by_name.setdefault(entry.name.casefold(), []).append(path)
            self._by_size.setdefault(size, []).append(path)

    def same_name(self, missing: Missing) -> bool:
        """Whether some file has the name of a missing one."""
        return bool(self._by_name.get(_name(missing.uri)))

    def best(self, missing: Missing) -> Path | None:
        """The file that is the missing one, nearest by its name and folders; it is then taken."""
        named = self._by_name.get(_name(missing.uri), [])
        sized = self._by_size.get(missing.size, []) if missing.sha256 else []
        by_nearness = sorted(named, key=lambda path: -_tail(path, missing.uri))
        for path in dict.fromkeys([*by_nearness, *sized]):
            uri = self._project.uri_of(path)
            if uri not in self._taken and self._is(path, missing):
                self._taken.add(uri)
                return path
        return None

    def _is(self, path: Path, missing: Missing) -> bool:
        if missing.size and self._size_of[path] != missing.size:
            return False
        return not missing.sha256 or self._digest(path) == missing.sha256

    def _digest(self, path: Path) -> str:
        if path not in self._digests:
            digest = hashlib.sha256()
            try:
                with path.open("rb") as stream:
                    while block := stream.read(_BLOCK):
                        digest.update(block)
                self._digests[path] = digest.hexdigest()
            except OSError:  # no permission: then it cannot be shown either
                self._digests[path] = ""
        return self._digests[path]


def _files(folder: Path) -> Iterator[os.DirEntry[str]]:
    """Every file below a folder; folders that may not be read and hidden ones are left out."""
    waiting = [str(folder)]
    while waiting:
        try:
            with os.scandir(waiting.pop()) as entries:
                found = sorted(entries, key=lambda entry: entry.name)
        except OSError:
            continue
        for entry in found:
            if entry.is_dir(follow_symlinks=False):
                if not entry.name.startswith("."):
                    waiting.append(entry.path)
            elif entry.is_file():
                yield entry


def _name(uri: str) -> str:
    return PurePath(uri).name.casefold()


def _tail(path: Path, uri: str) -> int:
    """How many parts two paths share at their ends."""
    shared = 0
    for a, b in zip(reversed(path.parts), reversed(PurePath(uri).parts), strict=False):
        if a.casefold() != b.casefold():
            break
        shared += 1
    return shared


def folders_of(missing: Sequence[Missing]) -> Mapping[str, int]:
    """The folders in which files were, with how many images each held; most first."""
    counts: dict[str, int] = {}
    for each in missing:
        folder = PurePath(each.uri).parent.as_posix()
        counts[folder] = counts.get(folder, 0) + len(each.image_ids)
    return dict(sorted(counts.items(), key=lambda pair: -pair[1]))
