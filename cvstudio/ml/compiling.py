"""torch.compile for the runs that ask for it; where it cannot, the network computes as it is, and
the run says so."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

_WITHOUT = "The network is not compiled: {}. It computes as it is, only slower."


def compile_in_place(
    module: nn.Module, *, device: torch.device, tell: Callable[[str], None]
) -> None:
    """From now on, what torch.compile makes of a module computes its answers while it learns.

    Its weights keep their names, and copies of it are as they were. Where this computer lacks what
    compiling needs, or torch cannot compile the module, it computes as before: `tell` is told why.
    """
    lacking = _lacking(device)
    if lacking:
        tell(_WITHOUT.format(lacking))
        return
    from torch._functorch import config

    # The backward pass is compiled together with the forward one: where that fails there is still
    # a way back.
    config.force_non_lazy_backward_lowering = True
    module._compiled_call_impl = _Compiled(module, tell)


class _Compiled:
    """How a module is called, until it cannot be compiled."""

    def __init__(self, module: nn.Module, tell: Callable[[str], None]) -> None:
        self._module, self._tell = module, tell
        self._plain: Callable[..., Any] = module._call_impl
        self._call = torch.compile(self._plain)

    def __call__(self, *inputs: Any, **more: Any) -> Any:
        if not self._module.training:  # each way of answering would have to be compiled by itself
            return self._plain(*inputs, **more)
        try:
            return self._call(*inputs, **more)
        except torch._dynamo.exc.TorchDynamoException as error:
            self._module._compiled_call_impl = None
            answer = self._plain(*inputs, **more)  # raises what the network itself does
            self._tell(_WITHOUT.format(f"torch.compile cannot do it here ({_reason(error)})"))
            return answer


def _lacking(device: torch.device) -> str:
    """What this computer lacks to compile for a device, in words; "" when nothing is known to."""
    if device.type == "cpu":
        from torch._inductor.cpp_builder import get_cpp_compiler
        from torch._inductor.exc import InvalidCxxCompiler

        try:
            get_cpp_compiler()
        except InvalidCxxCompiler:
            return "this computer has no C++ compiler"
    if device.type == "cuda":
        from torch.utils._triton import has_triton

        if not has_triton():
            return "Triton is not installed, or does not know this GPU"
    return ""


def _reason(error: BaseException) -> str:
    """The innermost error in one line."""
    inner = getattr(error, "inner_exception", None) or error
    lines = str(inner).strip().splitlines()
    return lines[0].strip().rstrip(".")[:200] if lines else type(inner).__name__
