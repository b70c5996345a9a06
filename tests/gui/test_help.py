"""Help: no key is cut, every word of the pages is explained, and the question marks lead there."""

from __future__ import annotations

import pytest
from person import Person
from PySide6.QtCore import QPoint
from PySide6.QtWidgets import QDialog, QLabel

from cvstudio.core.meanings import meaning, words
from cvstudio.core.recipe import TrainConfig
from cvstudio.gui import theme
from cvstudio.gui.help_dialog import HelpDialog
from cvstudio.gui.widgets.what_is import WhatIs

MET = (
    "epoch", "batch", "mAP50", "mAP50-95", "precision", "recall", "IoU", "accuracy",
    "balanced accuracy", "F1", "macro F1", "mIoU", "Dice", "pixel accuracy", "train, val, test",
    "pretrained", "fine-tuning", "augmentation", "Grad-CAM", "confusion matrix", "ONNX",
    "overfitting", "likely label error", "learning rate", "from scratch", "checkpoint",
)  # fmt: skip


@pytest.mark.parametrize("word", MET)
def test_every_word_that_a_newcomer_meets_is_explained_in_a_sentence_or_two(word: str) -> None:
    found = meaning(word)
    assert found is not None
    assert 20 < len(found.text) < 330
    assert found.text.endswith(".")


def test_every_paragraph_of_the_words_is_read() -> None:
    assert len(words()) >= 50
    assert len({w.name for w in words()}) == len(words())
    assert {w.group for w in words()} == {
        "The loop", "What the network does", "Training", "How good it is", "Taking it home",
    }  # fmt: skip


def test_no_key_is_cut_in_a_low_window(studio_window: Person) -> None:
    studio_window.window.resize(1280, 720)
    studio_window.settle()

    def look(dialog: QDialog) -> None:
        assert isinstance(dialog, HelpDialog)
        assert dialog.height() <= 720
        viewport = dialog.keys.area.viewport()
        for row, _said in dialog.keys.rows:
            for cap in row.findChildren(QLabel):
                right = cap.mapTo(viewport, QPoint(cap.width(), 0)).x()
                assert right <= viewport.width(), cap.text()
        dialog.accept()

    studio_window.answer(look)
    studio_window.trigger("app.keys")


def test_a_word_is_found_by_what_else_it_is_called(dressed: theme.ThemeKeeper) -> None:
    dialog = HelpDialog(None, word="")
    dialog.show()
    dialog.field.setText("false alarms")
    shown = [said for row, said in dialog.words.rows if row.isVisible()]
    assert any(said.startswith("precision") for said in shown)
    assert len(shown) < 5
    dialog.field.setText("no such word")
    assert dialog.words.none.isVisible()
    dialog.close()
    dialog.deleteLater()


def test_a_question_mark_opens_help_at_its_word(studio_window: Person) -> None:
    mark = WhatIs("mAP50")
    mark.setParent(studio_window.window.front)
    mark.show()
    seen = []

    def look(dialog: QDialog) -> None:
        assert isinstance(dialog, HelpDialog)
        assert dialog.tabs.tabText(dialog.tabs.currentIndex()) == "Words"
        seen.extend(said for row, said in dialog.words.rows if row.property("selected"))
        dialog.accept()

    studio_window.answer(look)
    studio_window.click(mark)
    assert len(seen) == 1
    assert seen[0].startswith("map50 ")
    assert "overlap" in mark.toolTip()


def test_the_settings_of_a_run_that_sound_like_a_trade_are_explained() -> None:
    titles = {f.title for f in TrainConfig.model_fields.values() if f.title}
    jargon = {
        "Epochs", "Stop early after", "Batch", "Learning rate", "Optimiser", "Weight decay",
        "New layers alone", "Pretrained layers' pace", "Mixed precision", "Seed", "Image size",
    }  # fmt: skip
    assert jargon <= titles
    for title in jargon:
        assert meaning(title.removesuffix("s") if title == "Epochs" else title), title


def test_help_lists_the_keys_that_belong_to_no_action_and_those_to_the_next_images(
    studio_window: Person,
) -> None:
    studio_window.page("label")

    def look(dialog: QDialog) -> None:
        assert isinstance(dialog, HelpDialog)
        for typed, wanted in (
            ("nudge", "nudge "), ("shift+arrows", "nudge "), ("unlabelled", "next unlabelled "),
            ("disagreed", "next disagreed "), ("next to review", "next to review "),
            ("comment", "comment "), ("suggest", "suggest labels "),
        ):  # fmt: skip
            dialog.field.setText(typed)
            shown = [said for row, said in dialog.keys.rows if not row.isHidden()]
            assert any(said.startswith(wanted) for said in shown), typed
        dialog.accept()

    studio_window.answer(look)
    studio_window.key("F1")
