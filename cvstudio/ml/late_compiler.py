"""torch's compiler is imported by the jobs that compile, and not by every job as it starts.

torchvision asks it one question about RoI align, timm and torchvision tell it of functions that it
must not compile, and each step of an optimiser where a compiled one would have to break off. Each
of that imports all of it: as much time of a processor as torch itself, and 150 MB of memory.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache, partial, wraps
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from torch.optim import Optimizer

    Kind = TypeVar("Kind", bound=Optimizer)

_TELL = ("torchvision.ops.roi_align", "torchvision.tv_tensors", "timm.layers.typing")
"""The modules that speak to the compiler while they are imported."""
_COMPILER = "torch._dynamo"
_ASKED = "torch._dynamo.utils"


def import_compiler_late() -> None:
    """From now on libraries speak to torch's compiler when they need to, not as they are
    imported."""
    if not any(isinstance(each, _Finder) for each in sys.meta_path):
        sys.meta_path.insert(0, _Finder())


class _Finder(MetaPathFinder):
    """Finds the modules that speak to the compiler, where Python would find them."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname not in _TELL or _COMPILER in sys.modules:
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.loader is not None:
            spec.loader = _SpeaksLater(spec.loader)
        return spec


class _SpeaksLater(Loader):
    """Runs a module with something in the compiler's place that speaks to it later."""

    def __init__(self, plain: Loader) -> None:
        self._plain = plain

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._plain.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        module.__loader__ = self._plain
        if module.__spec__ is not None:
            module.__spec__.loader = self._plain
        try:
            with _stand_in():
                self._plain.exec_module(module)
        except ImportError:  # another version asks for more: it gets all
            self._plain.exec_module(module)


@contextmanager
def _stand_in() -> Iterator[None]:
    """For the time of the block, what is asked of the compiler is asked when it is used."""
    import torch

    stands = ModuleType(_ASKED)
    vars(stands)["is_compile_supported"] = _is_compile_supported
    compiler, disable = vars(torch.compiler), torch.compiler.disable
    sys.modules[_ASKED] = stands
    compiler["disable"] = _disabled_later
    try:
        yield
    finally:
        compiler["disable"] = disable
        if sys.modules.get(_ASKED) is stands:
            del sys.modules[_ASKED]


def _is_compile_supported(device_type: Any) -> Any:
    from torch._dynamo import utils

    return utils.is_compile_supported(device_type)


def _disabled_later(fn: Any = None, recursive: bool = True, **named: Any) -> Any:
    """What torch.compiler.disable does, once there is a compiler that could compile."""
    if fn is None:
        return partial(_disabled_later, recursive=recursive, **named)

    made: list[Any] = []

    @wraps(fn)
    def called(*given: Any, **words: Any) -> Any:
        if not made and _COMPILER in sys.modules:
            import torch

            disable: Any = torch.compiler.disable
            made.append(disable(fn, recursive, **named))
        return (made[0] if made else fn)(*given, **words)

    return called


@cache
def plain(kind: type[Kind]) -> type[Kind]:
    """The same optimiser for steps that are not compiled: without what tells a compiler of them.

    Each function is the one that torch has wrapped, so that the figures are the same.
    """
    import torch

    step: Callable[..., Any] = inspect.unwrap(kind.step)

    def without_gradients(self: Kind, *given: Any, **named: Any) -> Any:
        with torch.set_grad_enabled(bool(self.defaults.get("differentiable", False))):
            return step(self, *given, **named)

    own = ("add_param_group", "zero_grad", "state_dict", "load_state_dict")
    changed = {name: inspect.unwrap(getattr(kind, name)) for name in own}
    return type(kind.__name__, (kind,), {**changed, "step": without_gradients})
