"""The view Suspects: labels that are likely wrong, decided on with keys and buttons."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
from person import Person
from planted import honest_run, judged_again, labels, objects_project, other_class, some
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel
from test_analyze import judged_page

from cvstudio.core import events
from cvstudio.core.annotation import Annotation
from cvstudio.core.geometry import Box
from cvstudio.core.recipe import Start
from cvstudio.core.suspects.values import Fault
from cvstudio.gui.analyze.page import AnalyzePage
from cvstudio.gui.analyze.since import Since
from cvstudio.gui.analyze.suspects.looking import Looked
from cvstudio.gui.analyze.suspects.view import SuspectsView
from cvstudio.gui.train.page import TrainPage
from cvstudio.gui.widgets.action_button import ActionButton
from cvstudio.project import commands, queries, run_commands, runs, suspect_decisions
from cvstudio.project.project import Project
from cvstudio.project.run_status import RunStatus
from cvstudio.project.suspect_decisions import Decision
from cvstudio.project.suspecting import Suspect


def finish(project: Project, run_id: int) -> None:
    job = runs.job_of(runs.get(project, run_id))
    job.emit(events.Started(job="train", pid=1, process_created=1, total_epochs=1))
    job.emit(events.Ended(outcome=events.Outcome.FINISHED, metric="mAP50-95", best=0.4))
    with project.transaction("Finish", undoable=False) as s:
        run_commands.update_run(s, id=run_id, status=RunStatus.FINISHED.value, best=0.4)


def plant(project: Project) -> list[Annotation]:
    """After a run on exact labels, give some another class and move or remove others."""
    many = some(labels(project), 0.12)
    with project.transaction("Plant", undoable=False) as s:
        for a in many[::3]:
            commands.set_class(s, ids=[a.id], class_id=other_class(a.class_id))
        commands.delete_annotations(s, ids=[a.id for a in many[1::3]])
        for a in many[2::3]:
            moved = Box(a.box.x + 16, a.box.y - 14, a.box.w, a.box.h)
            commands.set_shape(s, id=a.id, shape=moved)
    return many


@pytest.fixture
def page(
    studio_window: Person, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AnalyzePage:  # fmt: skip
    monkeypatch.setattr(type(studio_window.studio.live), "request", lambda *a, **k: 1)
    project = objects_project(tmp_path / "objects", images=40)
    finish(project, honest_run(project).id)
    plant(project)
    studio_window.studio.adopt(project)
    return judged_page(studio_window)


@pytest.fixture
def view(studio_window: Person, page: AnalyzePage) -> SuspectsView:
    studio_window.key("Ctrl+4")
    found = page.views.front
    assert isinstance(found, SuspectsView)
    studio_window.until(lambda: found.rows)
    studio_window.idle()
    return found


def show_kind(person: Person, view: SuspectsView, fault: Fault) -> Suspect:
    """Click the tab of a kind; the first suspect of it."""
    place = view.head._kinds.index(fault)
    person.click(view.head.tabs, view.head.tabs.tabRect(place).center())
    assert {one.fault for one in view.rows} == {fault}
    assert view.current is not None
    return view.current


def label_of(project: Project, suspect: Suspect) -> Annotation | None:
    with project.read() as s:
        there = queries.annotations_of(s, [suspect.image_id])[suspect.image_id]
    return next((a for a in there if a.id == suspect.annotation_id), None)


def decided(project: Project) -> dict[Decision, int]:
    return dict(suspect_decisions.counts(project))


def test_planted_faults_stand_first_with_the_reason_and_the_counts_of_each_kind(
    view: SuspectsView,
) -> None:
    first = view.current
    assert first is not None
    assert first.doubt == max(one.doubt for one in view.rows)
    assert view.at_hand.reason.text() == first.reason
    assert view.list.crops.item(0).said == first.reason
    titles = [view.head.tabs.tabText(i) for i in range(view.head.tabs.count())]
    assert titles[0] == f"All   {len(view.rows):,}"
    assert titles[1].startswith("Wrong class   ")
    assert "from which this network never learned" in view.head.judged.text()
    assert view.head.folds.isVisible(), "and how the training images are judged"


def test_training_again_says_why_it_waits_until_a_label_was_put_right(
    studio_window: Person, view: SuspectsView
) -> None:
    again = view.head.again
    assert not again.isEnabled()
    assert again.accessibleDescription() == "No label was fixed or deleted here yet"
    assert again.accessibleDescription() in again.toolTip()
    show_kind(studio_window, view, Fault.WRONG_CLASS)
    studio_window.key("Return", view.list)
    studio_window.until(again.isEnabled)
    assert not again.accessibleDescription()
    assert again.toolTip().startswith("Train again")


def test_enter_takes_the_answer_at_once_and_undo_brings_the_label_and_the_suspect_back(
    studio_window: Person, view: SuspectsView
) -> None:
    first, many = show_kind(studio_window, view, Fault.WRONG_CLASS), len(view.rows)
    assert view.at_hand.accept.text().startswith("Make it “")
    studio_window.key("Return", view.list)
    label = label_of(studio_window.project, first)
    assert label is not None
    assert label.class_id == first.proposed
    assert len(view.rows) == many - 1
    assert view.head.progress.text().startswith("1 fixed of ")
    assert studio_window.project.undo_label == "Fix 1 suspected label"
    studio_window.trigger("edit.undo")
    studio_window.until(lambda: len(view.rows) == many)
    studio_window.idle()
    assert label_of(studio_window.project, first).class_id == first.labelled  # type: ignore[union-attr]
    assert not view.head.progress.text().startswith("1 fixed")


def test_k_keeps_delete_deletes_and_r_sends_back_each_as_one_step(
    studio_window: Person, view: SuspectsView
) -> None:
    kept = show_kind(studio_window, view, Fault.WRONG_CLASS)
    before = studio_window.project.undo_label
    studio_window.key("K", view.list)
    assert studio_window.project.undo_label == "Keep 1 suspected label" != before
    gone = view.current
    assert gone is not None
    studio_window.key("Del", view.list)
    assert label_of(studio_window.project, gone) is None
    assert label_of(studio_window.project, kept) is not None
    back = view.current
    assert back is not None
    studio_window.key("R", view.list)
    assert label_of(studio_window.project, back) is not None
    assert decided(studio_window.project) == {
        Decision.KEPT: 1, Decision.DELETED: 1, Decision.REJECTED: 1,
    }  # fmt: skip
    assert view.head.progress.text().startswith("1 deleted, 1 kept, 1 sent back of ")
    studio_window.trigger("edit.undo")
    studio_window.idle()
    assert decided(studio_window.project) == {Decision.KEPT: 1, Decision.DELETED: 1}


def test_what_was_overlooked_is_added_by_the_mouse_and_has_no_label_to_delete(
    studio_window: Person, view: SuspectsView
) -> None:
    first = show_kind(studio_window, view, Fault.OVERLOOKED)
    buttons = {b.accessibleName(): b for b in view.at_hand.findChildren(ActionButton)}
    assert not buttons["Delete label"].isEnabled()
    assert "Nothing is labelled here" in buttons["Delete label"].toolTip()
    studio_window.click(view.at_hand.accept)
    with studio_window.project.read() as s:
        there = queries.annotations_of(s, [first.image_id])[first.image_id]
    assert any(a.shape == first.shape and a.class_id == first.proposed for a in there)


def test_f_opens_the_label_and_a_fix_by_hand_counts_as_one_on_the_way_back(
    studio_window: Person, page: AnalyzePage, view: SuspectsView
) -> None:
    first = show_kind(studio_window, view, Fault.WRONG_CLASS)
    studio_window.key("F", view.list)
    assert studio_window.window.front.name == "label"
    assert studio_window.studio.image_id == first.image_id
    with studio_window.project.transaction("Class") as s:
        commands.set_class(s, ids=[first.annotation_id or 0], class_id=first.proposed)
    studio_window.click(studio_window.button("Back to the suspects"))
    assert studio_window.window.front is page
    assert page.views.front is view
    studio_window.idle()
    assert not any(one.annotation_id == first.annotation_id for one in view.rows)
    assert view.head.progress.text().startswith("1 fixed of ")


def test_arrow_keys_walk_through_the_suspects_and_tabs_keep_theirs(
    studio_window: Person, view: SuspectsView
) -> None:
    for key, row in (("Down", 1), ("D", 2), ("Up", 1), ("A", 0)):
        studio_window.key(key, view.list)
        assert view.list.row == row, key
    view.head.tabs.setFocus(Qt.FocusReason.TabFocusReason)
    studio_window.key("Right", view.head.tabs)
    assert view.head.kind is not None
    assert view.list.row == 0


def test_evaluate_again_is_offered_once_a_label_of_the_split_is_fixed(
    studio_window: Person, page: AnalyzePage, view: SuspectsView, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []
    monkeypatch.setattr(page.evaluation, "judge", lambda run, split, _v: asked.append((run, split)))
    studio_window.key("Return", view.list)
    studio_window.until(lambda: page.since.count > 0)
    studio_window.idle()
    assert view.head.evaluate.isEnabled()
    studio_window.click(view.head.evaluate)
    assert asked == [(page.run, page.split)]


def test_training_again_brings_the_settings_of_the_run_to_the_form(
    studio_window: Person, page: AnalyzePage, view: SuspectsView
) -> None:
    assert not view.head.again.isEnabled(), "nothing is corrected yet"
    show_kind(studio_window, view, Fault.WRONG_CLASS)
    studio_window.key("Return", view.list)
    studio_window.click(view.head.again)
    front = studio_window.window.front
    assert isinstance(front, TrainPage)
    assert page.run is not None
    like, wanted = runs.config_of(page.run), front.new_run.config
    assert (wanted.network, wanted.epochs, wanted.start) == (like.network, 1, Start.SCRATCH)


def test_judging_again_after_a_fix_says_what_it_did_and_leads_to_the_images(
    studio_window: Person, page: AnalyzePage, view: SuspectsView
) -> None:
    assert view.came.isHidden()
    show_kind(studio_window, view, Fault.WRONG_CLASS)
    fixed = set()
    for _number in range(3):
        assert view.current is not None
        fixed.add(view.current.image_id)
        studio_window.key("Return", view.list)
    assert page.run is not None
    judged_again(studio_window.project, page.run)
    page.evaluation.done.emit(runs.job_of(page.run))
    studio_window.until(view.came.isVisible)
    studio_window.idle()
    said = view.came.effect.text
    assert said.startswith("By the labels of now, mAP50-95 of run 1 on val is 0.")
    assert "95 %: " in said
    assert view.came.again.isHidden(), "nothing was trained again"
    studio_window.click(studio_window.button("Show these images", view.came))
    assert page.views.front is page.errors
    assert page.errors.gallery.chip.text() == "by the corrected labels"
    assert fixed <= {case.image_id for case in page.errors.gallery.cases()}


def test_the_view_in_front_is_remembered_for_the_project(
    studio_window: Person, page: AnalyzePage, view: SuspectsView
) -> None:
    project = studio_window.project
    assert page.row.segments.index == 1 + [*page.views._infos][1:].index("suspects")
    again = type(page)(studio_window.studio)
    assert again.views.front is not None
    assert again.views.front.name == "suspects"
    again.release()
    again.deleteLater()
    assert studio_window.studio.memory.get_for(project.path, "analyze.view") == "suspects"


def test_enter_on_a_button_presses_the_button_and_changes_no_label(
    studio_window: Person, view: SuspectsView
) -> None:
    """Somebody who works by keyboard comes to a link with Tab and presses it with Enter."""
    pressed: list[bool] = []
    view.head.folds.clicked.connect(lambda: pressed.append(True))
    view.head.folds_wanted.disconnect()
    before, many = view.current, len(view.rows)
    view.head.folds.setFocus()
    studio_window.key("Return", view.head.folds)
    studio_window.idle()
    assert (view.current, len(view.rows)) == (before, many)
    assert not decided(studio_window.project)
    assert pressed


def test_enter_on_the_buttons_of_the_suspect_does_what_they_say(
    studio_window: Person, view: SuspectsView
) -> None:
    keep = studio_window.button("Label is right", view)
    keep.setFocus()
    studio_window.key("Return", keep)
    assert decided(studio_window.project) == {Decision.KEPT: 1}
    view.at_hand.accept.setFocus()
    studio_window.key("Return", view.at_hand.accept)
    assert decided(studio_window.project) == {Decision.KEPT: 1, Decision.FIXED: 1}


def test_undo_leads_back_to_the_label_wherever_the_list_is_by_then(
    studio_window: Person, view: SuspectsView
) -> None:
    first = show_kind(studio_window, view, Fault.WRONG_CLASS)
    studio_window.key("K", view.list)
    show_kind(studio_window, view, Fault.OVERLOOKED)
    studio_window.key("Down", view.list)
    studio_window.key("Down", view.list)
    studio_window.trigger("edit.undo")
    studio_window.until(lambda: any(one.annotation_id == first.annotation_id for one in view.rows))
    studio_window.idle()
    assert view.current is not None
    assert (view.current.annotation_id, view.current.fault) == (first.annotation_id, first.fault)
    assert view.head.kind is Fault.WRONG_CLASS
    assert view.at_hand.reason.text() == first.reason


def test_undo_leads_to_the_one_of_several_overlooked_objects_of_an_image(
    studio_window: Person, view: SuspectsView
) -> None:
    show_kind(studio_window, view, Fault.OVERLOOKED)
    one = view.rows[0]
    twin = dataclasses.replace(one, box=Box(1, 2, 30, 40), shape=Box(1, 2, 30, 40), doubt=0.99)
    rows = (twin, *view.rows)
    looked = dataclasses.replace(
        view.looked, suspects=dataclasses.replace(view.looked.suspects, rows=rows)
    )
    view._take(looked)
    view.list.pick(view.rows.index(one))
    studio_window.key("K", view.list)
    view.list.pick(view.list.row + 2)
    view._take(looked)
    assert view.current == one


def test_the_figure_of_a_row_has_a_name_and_an_explanation(
    studio_window: Person, view: SuspectsView
) -> None:
    first = view.rows[0]
    model, row = view.list.crops, view.list.crops.index(0)
    said = model.data(row, Qt.ItemDataRole.AccessibleTextRole)
    assert said.endswith(f", doubt {first.doubt:.2f}")
    (name,) = (each for each in view.findChildren(QLabel) if each.text() == "Doubt")
    assert name.isVisible()
    assert "How likely the label is wrong" in name.toolTip()


def test_one_judge_is_told_and_of_several_one_is_chosen(view: SuspectsView) -> None:
    head = view.head
    assert not head.judge.isVisible(), "there is nothing to choose"
    assert head.only_judge.isVisible()
    assert head.only_judge.text() == "Run 1 on val"
    head.show_judges(with_two_judges(view))
    assert head.judge.isVisible()
    assert not head.only_judge.isVisible()


def with_two_judges(view: SuspectsView) -> Looked:
    (judge,) = view.looked.judges
    other = dataclasses.replace(judge, run_id=9, title="Run 9 on val")
    return dataclasses.replace(view.looked, judges=(judge, other))


def test_the_list_of_judges_does_not_touch_the_kinds_below_it(
    studio_window: Person, view: SuspectsView
) -> None:
    head = view.head
    head.show_judges(with_two_judges(view))
    studio_window.settle()
    below = head.tabs.mapTo(head, head.tabs.rect().topLeft()).y()
    above = head.judge.mapTo(head, head.judge.rect().bottomLeft()).y()
    assert below - above > 6


def test_every_kind_can_be_seen_in_a_narrow_window(
    studio_window: Person, view: SuspectsView
) -> None:
    head = view.head
    head.progress.setText("1,294 suspects, 237 of them more likely wrong than right " * 2)
    studio_window.window.resize(1280, 720)
    studio_window.settle()
    assert head.tabs.width() >= head.tabs.sizeHint().width()
    assert head.progress.shown.endswith("…")
    assert "more likely wrong than right" in head.progress.text()


def test_where_nobody_labelled_anything_no_label_is_called_right(
    studio_window: Person, view: SuspectsView
) -> None:
    show_kind(studio_window, view, Fault.OVERLOOKED)
    assert view.at_hand.keep.accessibleName() == "Nothing to label here"
    show_kind(studio_window, view, Fault.WRONG_CLASS)
    assert view.at_hand.keep.accessibleName() == "Label is right"


def test_who_judges_says_which_splits_and_the_bar_says_nothing_else(
    studio_window: Person, page: AnalyzePage, view: SuspectsView
) -> None:
    assert "images of val, from which" in view.head.judged.text()
    bar = page._bar
    assert not any(part.isVisible() for part in (bar.split, bar.score, bar.overlap))
    assert "Evaluate again on val" in view.head.evaluate.toolTip()
    studio_window.key("Ctrl+1")
    assert bar.split.isVisible()
    assert bar.score.isVisible()


def test_evaluating_again_says_of_which_split_no_label_changed(view: SuspectsView) -> None:
    assert view.head.evaluate.isEnabled(), "labels of val were planted since"
    view.show_changes(Since(view.studio, view))
    assert not view.head.evaluate.isEnabled()
    assert "No label of val changed since this evaluation" in view.head.evaluate.toolTip()
    assert "choose that split in Errors first" in view.head.evaluate.toolTip()
