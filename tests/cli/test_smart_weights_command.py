"""`cvstudio weights smart`: the smart tool's network is chosen, named and refused in words."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from smart_weights import save_mobile_sam

from cvstudio.__main__ import main
from cvstudio.core.settings import Settings


def test_the_smart_tools_network_is_chosen_in_the_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def smart(*arguments: str) -> tuple[int, str]:
        code = main(["weights", "smart", *arguments])
        said = capsys.readouterr()
        return code, said.out + said.err

    assert "No network has been chosen" in smart()[1]
    file = save_mobile_sam(tmp_path / "any name.pt")
    monkeypatch.chdir(tmp_path)
    assert smart("any name.pt") == (0, f"{file}: MobileSAM\n")
    assert Settings().get("label.smart_network") == str(file)
    strange = tmp_path / "strange.pt"
    torch.save({"a": torch.zeros(2)}, strange)
    code, said = smart(str(strange))
    assert code != 0
    assert "cannot be used by the smart tool" in said
    assert json.loads(smart("--json")[1]) == {"path": str(file), "title": "MobileSAM"}
    file.unlink()
    assert "it is not there any more" in smart()[1]
