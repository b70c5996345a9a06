"""Back on Analyze after labels were fixed: what is done is marked, arrows step through errors."""

from __future__ import annotations

from dataclasses import replace

import pytest
from person import Person
from PySide6.QtCore import QRect, Qt
from test_analyze import finished_run, judged_page

from cvstudio.core.annotation import Split
from cvstudio.core.geometry import Box
from cvstudio.core.metrics import NOTHING
from cvstudio.gui.analyze.crops import CropItem
from cvstudio.gui.analyze.page import AnalyzePage
from cvstudio.gui.analyze.since import moment
from cvstudio.gui.widgets.toast import ToastFrame
from cvstudio.project import commands, label_changes, queries
from cvstudio.project.verdict import Case


@pytest.fixture
def page(studio_window: Person, monkeypatch: pytest.MonkeyPatch) -> AnalyzePage:
    """The page on a finished run; heat maps are not under test here."""
    finished_run(studio_window.project)
    monkeypatch.setattr(type(studio_window.studio.live), "request", lambda *a, **k: 1)
    return judged_page(studio_window)


def items(page: AnalyzePage) -> list[CropItem]:
    return [page.errors.gallery.crops.crops.item(row) for row in range(page.errors.gallery.count)]


def missed(page: AnalyzePage, person: Person) -> Case:
    page.errors._show_kind("missed")
    person.idle()
    case = page.errors.gallery.current
    assert case is not None
    assert case.annotation_id is not None
    return case


def test_a_fixed_label_is_marked_in_the_list_and_told_in_the_bar_until_undo(
    studio_window: Person, page: AnalyzePage
) -> None:
    case = missed(page, studio_window)
    assert page.since_bar.isHidden()
    before = page.errors.matrix_panel.caption.text()
    with studio_window.project.transaction("Delete") as s:
        commands.delete_annotations(s, ids=[case.annotation_id])
    studio_window.idle()
    assert [item.changed for item in items(page)].count(True) == 1
    assert items(page)[page.errors.gallery.position[0] - 1].changed
    assert "changed since this evaluation" in page.errors.detail.place.text()
    assert page.since_bar.isVisible()
    assert page.since_bar.message.text.startswith("1 label changed since this evaluation")
    assert moment(page.subject.judged_at) in page.errors.matrix_panel.caption.text()
    studio_window.trigger("edit.undo")
    studio_window.idle()
    assert page.since_bar.isHidden()
    assert not any(item.changed for item in items(page))
    assert page.errors.matrix_panel.caption.text() == before


def test_in_a_small_window_the_cards_fold_and_not_the_pictures_while_changes_are_told(
    studio_window: Person, page: AnalyzePage
) -> None:
    studio_window.window.resize(1280, 720)
    page.since_bar.show_changes(3, 1.0)
    studio_window.idle()
    assert page.errors.cards.folded
    assert page.errors.detail.labels.view.height() >= 170
    page.errors.detail.how.cautioned.emit("It tells where, hardly by what.")
    assert page.errors.detail.caution.isHidden(), "the pictures need the room"
    assert page.errors.detail.heat.toolTip() == "It tells where, hardly by what."
    studio_window.window.resize(1440, 900)
    studio_window.idle()
    assert not page.errors.cards.folded
    assert page.errors.detail.caution.isVisible()


def test_a_network_that_has_hardly_learned_is_told_before_its_errors(
    studio_window: Person, page: AnalyzePage
) -> None:
    assert page.since_bar.isHidden()
    assert page.analysis is not None
    page.analysis.report["metrics"]["mAP50-95"] = 0.001
    page._judge()
    missed(page, studio_window)
    assert page.since_bar.isVisible()
    assert "hardly learned yet (mAP50-95 0.001): train it longer" in page.since_bar.message.text
    assert "train it longer" in page.errors.detail.more.text()
    page.analysis.report["metrics"]["mAP50-95"] = 0.4
    page._judge()
    studio_window.idle()
    assert page.since_bar.isHidden()
    missed(page, studio_window)
    assert "more examples" in page.errors.detail.more.text()


def test_a_cell_shows_a_kept_case_again_when_that_is_undone_on_another_page(
    studio_window: Person, page: AnalyzePage
) -> None:
    assert page.errors.verdict is not None
    page.errors.matrix.pick(page.errors.verdict.class_ids[1], NOTHING)
    studio_window.idle()
    many, said = page.errors.gallery.count, page.errors.gallery.caption.text()
    studio_window.key("Right")
    case = page.errors.gallery.current
    studio_window.trigger("analyze.keep")
    assert page.errors.gallery.count == many - 1
    assert page.errors.gallery.caption.text() != said
    studio_window.page("label")
    studio_window.project.undo()
    studio_window.page("analyze")
    assert page.errors.gallery.cell is not None, "the same view"
    assert page.errors.gallery.caption.text() == said
    assert page.errors.gallery.current == case
    assert page.errors.gallery.position == (2, many)
    assert page.errors.detail.case == case
    studio_window.trigger("edit.redo")
    assert page.errors.gallery.count == many - 1
    studio_window.trigger("edit.undo")
    assert page.errors.gallery.position == (2, many)


def test_changes_made_on_another_page_are_told_on_the_way_back(
    studio_window: Person, page: AnalyzePage
) -> None:
    case = missed(page, studio_window)
    place = page.errors.gallery.position
    studio_window.page("data")
    with studio_window.project.transaction("Delete") as s:
        commands.delete_annotations(s, ids=[case.annotation_id])
    studio_window.page("analyze")
    studio_window.idle()
    assert page.errors.gallery.position == place
    assert page.errors.gallery.current == case
    assert page.since.count == 1


def test_one_click_judges_again(
    studio_window: Person, page: AnalyzePage, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = missed(page, studio_window)
    with studio_window.project.transaction("Delete") as s:
        commands.delete_annotations(s, ids=[case.annotation_id])
    studio_window.idle()
    asked: list[Split] = []
    monkeypatch.setattr(page.evaluation, "judge", lambda _run, split, _views: asked.append(split))
    studio_window.click(studio_window.button("Evaluate again", page.since_bar))
    assert asked == [page.split]


def test_an_object_drawn_where_the_network_saw_one_settles_the_extra(
    studio_window: Person, page: AnalyzePage
) -> None:
    page.errors._show_kind("false alarm")
    studio_window.idle()
    case = page.errors.gallery.current
    assert case is not None
    assert case.box is not None
    with studio_window.project.transaction("Add") as s:
        shape = Box(case.box.x + 1, case.box.y, case.box.w, case.box.h)
        commands.add_annotation(s, image_id=case.image_id, class_id=case.predicted, shape=shape)
    studio_window.idle()
    assert [item.changed for item in items(page)] == [
        other.image_id == case.image_id for other in page.errors.gallery._cases
    ]


def test_an_image_that_left_the_split_is_told_and_others_are_not(
    studio_window: Person, page: AnalyzePage
) -> None:
    assert page.analysis is not None
    project, judged = studio_window.project, page.analysis.images
    assert label_changes.changed(project, judged, Split.VAL) == {}
    gone = next(iter(judged))
    with project.transaction("Split") as s:
        commands.set_split(s, image_ids=[gone], split=Split.TRAIN)
    found = label_changes.changed(project, judged, Split.VAL)
    assert list(found) == [gone]
    assert found[gone].whole
    other = next(i for i in judged if i != gone)
    assert label_changes.changed(project, judged, Split.VAL, only=[other]) == {}


@pytest.mark.parametrize("place", ["crops", "matrix panel", "fix", "previous"])
def test_the_arrow_keys_step_through_the_errors_wherever_the_focus_is(
    studio_window: Person, page: AnalyzePage, place: str
) -> None:
    widgets = {
        "crops": page.errors.gallery.crops,
        "matrix panel": page.errors.table,
        "fix": page.errors.detail.fix,
        "previous": page.errors.detail.keep,
    }
    widgets[place].setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    widgets[place].setFocus()
    for key, row in (("Right", 2), ("Down", 3), ("Left", 2), ("Up", 1)):
        studio_window.key(key)
        assert page.errors.gallery.position[0] == row, key


def test_a_field_that_has_the_focus_keeps_its_arrow_keys(
    studio_window: Person, page: AnalyzePage
) -> None:
    page.score_field.setFocus()
    before = page.score_field.value()
    studio_window.key("Up")
    assert page.score_field.value() == pytest.approx(before + 0.01)
    assert page.errors.gallery.position[0] == 1
    studio_window.key("Return")
    assert page.errors.gallery.crops.hasFocus()


def test_a_click_in_the_table_leaves_the_arrow_keys_to_the_errors(
    studio_window: Person, page: AnalyzePage
) -> None:
    cell = page.errors.matrix.visualRect(
        page.errors.matrix.matrix.index(0, page.errors.matrix.matrix.rowCount() - 1)
    )
    studio_window.click(page.errors.matrix.viewport(), cell.center())
    studio_window.idle()
    assert page.errors.gallery.count > 1
    studio_window.key("Down")
    assert page.errors.gallery.position[0] == 2
    with studio_window.project.read() as s:
        assert queries.classes(s)


def test_keeping_a_label_is_named_by_its_class_and_image_where_undo_asks_on_label(
    studio_window: Person, page: AnalyzePage, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = missed(page, studio_window)
    studio_window.key("K", page.errors.gallery.crops)
    with studio_window.project.read() as s:
        name = queries.image(s, case.image_id).name
        classes = {c.id: c.name for c in queries.classes(s)}
    asked: list[str] = []
    monkeypatch.setattr(
        studio_window.studio, "ask", lambda question, *_a, **_k: asked.append(question)
    )
    studio_window.page("label")
    studio_window.key("Ctrl+Z")
    assert asked == [f"Undo “Keep the label ‘{classes[case.labelled]}’ on {name}”?"]
    studio_window.idle()


def test_a_count_follows_when_a_label_of_a_cell_is_kept(
    studio_window: Person, page: AnalyzePage
) -> None:
    assert page.errors.verdict is not None
    page.errors.matrix.pick(page.errors.verdict.class_ids[1], NOTHING)
    studio_window.idle()
    many = page.errors.gallery.count
    studio_window.key("K", page.errors.gallery.crops)
    assert page.errors.gallery.caption.text().split()[0] == str(many - 1)
    assert page.errors.gallery.position[1] == many - 1


@pytest.mark.parametrize("width", [1280, 1366])
def test_the_chip_of_a_cell_leaves_the_tabs_whole(
    studio_window: Person, page: AnalyzePage, width: int
) -> None:
    studio_window.window.resize(width, 720)
    studio_window.idle()
    verdict, gallery = page.errors.verdict, page.errors.gallery
    assert verdict is not None
    assert page.analysis is not None
    cell = (verdict.class_ids[1], NOTHING)
    named = {id: replace(c, name=f"Platelets {c.name}") for id, c in page.errors._classes().items()}
    gallery.show_cell(
        cell, verdict.cell(*cell), named, nothing=page.errors.nothing, analysed=page.analysis
    )
    studio_window.idle()
    assert gallery.chip.isVisible()
    assert gallery.chip.text() == "“Platelets WBC” labelled, nothing predicted"
    assert gallery.tabs.width() >= gallery.tabs.sizeHint().width()
    assert gallery.chip.width() >= gallery.chip.sizeHint().width()
    page.errors.matrix.pick(verdict.class_ids[0], verdict.class_ids[0])
    page.errors._show_kind("missed")
    studio_window.idle()
    assert gallery.chip.isHidden()
    assert gallery._own_row.isHidden()


def test_a_word_about_undo_does_not_lie_on_the_sentence_about_the_error(
    studio_window: Person, page: AnalyzePage
) -> None:
    missed(page, studio_window)
    studio_window.key("K", page.errors.gallery.crops)
    studio_window.key("Ctrl+Z", page.errors.gallery.crops)
    (toast,) = studio_window.window.findChildren(ToastFrame)
    foot = page.errors.detail.footer
    top = foot.mapTo(studio_window.window, foot.rect().topLeft())
    assert foot.isVisible()
    assert not toast.geometry().intersects(QRect(top, foot.size()))
