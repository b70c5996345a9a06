"""torch's compiler stays out of the jobs that do not compile, and serves those that do."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from training_samples import run_directory

from cvstudio.core.annotation import Task
from cvstudio.ml import late_compiler
from cvstudio.ml.environment import prepare

prepare()
_TRAIN = """
import sys
from pathlib import Path
from cvstudio.ml.worker import run_job
assert run_job(Path(sys.argv[1])) == 0
assert "torchvision.ops.roi_align" in sys.modules and "timm" in sys.modules
assert "torch._dynamo" not in sys.modules, "torch's compiler was imported"
"""


def test_a_training_without_compiling_takes_neither_the_time_nor_the_memory_of_the_compiler(
    tmp_path: Path,
) -> None:
    job = run_directory(
        tmp_path, Task.SEGMENT, network="unet-mobilenet_v2", epochs=1, train=4, val=2, batch=2
    )
    done = subprocess.run(
        [sys.executable, "-c", _TRAIN, str(job.path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr + job.log.read_text()


def stepped(kind: Any, **settings: Any) -> tuple[dict[str, torch.Tensor], Any]:
    """What three steps make of a small network, and the state that they leave."""
    torch.manual_seed(1)
    module = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
    optimizer = kind(module.parameters(), lr=0.1, fused=True, **settings)
    for _ in range(3):
        optimizer.zero_grad(set_to_none=True)
        module(torch.ones(3, 4)).square().sum().backward()
        optimizer.step()
    again = kind(module.parameters(), lr=0.1, fused=True, **settings)
    again.load_state_dict(optimizer.state_dict())
    return module.state_dict(), again.state_dict()


@pytest.mark.parametrize(
    ("kind", "settings"),
    [(torch.optim.AdamW, {}), (torch.optim.SGD, {"momentum": 0.9, "nesterov": True})],
)
def test_steps_without_the_compiler_are_the_same_to_the_last_bit(
    kind: Any, settings: dict[str, Any]
) -> None:
    weights, state = stepped(kind, **settings)
    own_weights, own_state = stepped(late_compiler.plain(kind), **settings)
    assert all(torch.equal(weights[name], own_weights[name]) for name in weights)
    assert str(state) == str(own_state)


def test_what_a_library_keeps_from_the_compiler_is_still_kept_from_it() -> None:
    traced: list[str] = []

    def backend(graph: torch.fx.GraphModule, _: list[torch.Tensor]) -> Any:
        traced.append(graph.code)
        return graph.forward

    def hidden(values: torch.Tensor) -> torch.Tensor:
        return values.cosh()

    with late_compiler._stand_in():
        kept_out = torch.compiler.disable(hidden)

    def work(values: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = kept_out(values + 1).sinh()
        return found

    values = torch.ones(3)
    torch._dynamo.reset()
    assert torch.equal(torch.compile(work, backend=backend)(values), work(values))
    torch._dynamo.reset()
    assert any("sinh" in each for each in traced)
    assert not any("cosh" in each for each in traced)


def test_the_compiler_answers_when_it_is_asked() -> None:
    from torch._dynamo.utils import is_compile_supported

    for device in ("cpu", "meta"):
        assert late_compiler._is_compile_supported(device) == is_compile_supported(device)


_ASKS_MORE = """
import sys
from cvstudio.ml import late_compiler
late_compiler._TELL = ("asks_more",)
late_compiler.import_compiler_late()
import asks_more
assert asks_more.counters is sys.modules["torch._dynamo.utils"].counters
assert asks_more.__loader__ is asks_more.__spec__.loader
assert not isinstance(asks_more.__loader__, late_compiler._SpeaksLater)
"""


def test_a_library_that_asks_the_compiler_for_more_gets_it(tmp_path: Path) -> None:
    (tmp_path / "asks_more.py").write_text("from torch._dynamo.utils import counters\n")
    program = f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n{_ASKS_MORE}"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
