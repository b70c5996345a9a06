"""ONNX files that ultralytics exported answer like those of CVStudio, or are refused in words."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from cvstudio.core.annotation import Task
from cvstudio.core.errors import FormatError
from cvstudio.core.predictions import Prediction
from cvstudio.ml.describe import describe
from cvstudio.ml.predict import OnnxNetwork

PLAIN = {
    "author": "Ultralytics", "task": "detect", "imgsz": "[64, 64]", "names": "{0: 'cat', 1: 'dog'}",
    "description": "Ultralytics YOLO11n model", "stride": "32", "batch": "1",
}  # fmt: skip


def exported(
    folder: Path, kept: dict[str, str], answer: np.ndarray, *, side: int | str = 64
) -> Path:
    """A file with the metadata, names and shapes of an export, that gives always one answer."""
    value = numpy_helper.from_array(answer.astype(np.float32), "value")
    node = helper.make_node("Constant", [], ["output0"], value=value)
    graph = helper.make_graph(
        [node], "main",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, side, side])],
        [helper.make_tensor_value_info("output0", TensorProto.FLOAT, list(answer.shape))],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 9
    helper.set_model_props(model, kept)
    path = folder / "yolo11n.onnx"
    onnx.save(model, str(path))
    return path


def one_dog() -> np.ndarray:
    """A dog of 20 x 10 pixels in the middle of 64 x 64, and two places where nothing is."""
    answer = np.zeros((1, 6, 3))
    answer[0, :, 1] = (32, 32, 20, 10, 0.1, 0.9)
    return answer


def test_a_detection_file_of_ultralytics_answers_in_pixels_of_the_image(tmp_path: Path) -> None:
    network = OnnxNetwork(exported(tmp_path, PLAIN, one_dog()))
    assert network.task is Task.DETECT
    assert [(c.id, c.name) for c in network.classes] == [(1, "cat"), (2, "dog")]
    assert "look at a few suggestions first" in network.record.warning
    (answer,) = network.predict([np.zeros((64, 128, 3), np.uint8)], [7])
    assert isinstance(answer, Prediction)
    dog = answer.objects[0]
    assert dog.class_id == 2
    assert dog.score == pytest.approx(0.9)
    box = dog.box
    # twice as wide as it is high, it lies in the middle of the square, at half its size
    assert (box.x, box.y, box.w, box.h) == pytest.approx((44, 22, 40, 20))


def test_the_size_is_read_from_the_metadata_where_the_input_is_of_any_size(tmp_path: Path) -> None:
    network = OnnxNetwork(exported(tmp_path, PLAIN, one_dog(), side="height"))
    assert network.preprocessor.size == 64


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"task": "pose"}, "is for pose"),
        ({"names": "{"}, "names of the classes"),
        ({"names": "{0: 'cat'}"}, "gives other answers than 1 class"),
    ],
)
def test_what_cannot_be_read_soundly_is_refused_in_a_sentence(
    tmp_path: Path, change: dict[str, str], words: str
) -> None:
    with pytest.raises(FormatError, match=words):
        OnnxNetwork(exported(tmp_path, {**PLAIN, **change}, one_dog()))


def test_a_file_that_removes_doubles_itself_answers_the_same(tmp_path: Path) -> None:
    listed = np.zeros((1, 300, 6))
    listed[0, 0] = (22, 27, 42, 37, 0.9, 1)  # the same dog as two corners, score and class
    inside = OnnxNetwork(exported(tmp_path, PLAIN, listed))
    plain = tmp_path / "plain"
    plain.mkdir()
    outside = OnnxNetwork(exported(plain, PLAIN, one_dog()))
    picture = [np.zeros((64, 128, 3), np.uint8)]
    (one,), (other,) = inside.predict(picture, [7]), outside.predict(picture, [7])
    assert [o.class_id for o in one.objects] == [2]
    assert one.objects[0].box == other.objects[0].box
    assert one.objects[0].score == pytest.approx(0.9)
    assert describe(inside)["inside"] is True
    assert describe(outside)["inside"] is False


def test_a_file_says_what_goes_in_and_comes_out(tmp_path: Path) -> None:
    told = describe(OnnxNetwork(exported(tmp_path, PLAIN, one_dog())))
    assert told["task"] == "detect"
    assert told["classes"] == [{"id": 1, "name": "cat"}, {"id": 2, "name": "dog"}]
    assert (told["size"], told["score"], told["maker"]) == (64, None, "ultralytics")
    assert told["network"] == "Ultralytics YOLO11n model"


def test_a_list_of_other_length_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="gives other answers than 2 classes"):
        OnnxNetwork(exported(tmp_path, PLAIN, np.zeros((1, 300, 9))))


def test_a_file_of_nobody_is_refused_as_before(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="was not exported by CVStudio"):
        OnnxNetwork(exported(tmp_path, {"author": "somebody"}, one_dog()))
