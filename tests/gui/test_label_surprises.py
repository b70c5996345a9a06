"""What would take a person aback on the Label page: hidden words, lost work, the wrong image."""

from pathlib import Path

import pytest
from patience import until
from person import Person, fill_project, make_images
from PySide6.QtWidgets import QPushButton

from cvstudio.core.annotation import Review, Task
from cvstudio.core.geometry import Box
from cvstudio.gui.label.page import LabelPage
from cvstudio.gui.read_only import ReadOnlyBanner
from cvstudio.gui.widgets.toast import ToastFrame
from cvstudio.project import commands, queries
from cvstudio.project.project import Project
from cvstudio.project.records import ImageFilter


@pytest.fixture
def label(studio_window: Person) -> LabelPage:
    studio_window.window.resize(1280, 720)
    return studio_window.label_page()


@pytest.fixture
def answers(studio_window: Person, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The questions that were asked; all are answered with no."""
    asked: list[str] = []

    def ask(question: str, text: str = "", **_more: object) -> bool:
        asked.append(question)
        return False

    monkeypatch.setattr(studio_window.studio, "ask", ask)
    return asked


def stored(person: Person, image_id: int) -> list[int]:
    with person.project.read() as session:
        return [a.id for a in queries.annotations(session, image_id)]


# Words that must be read


@pytest.fixture
def outlining(studio_window: Person, tmp_path: Path) -> LabelPage:
    """A project that outlines objects, in which boxes do not train, in a small window."""
    made = Project.create(tmp_path / "outlines", task=Task.INSTANCE, classes=["Cell"])
    fill_project(made, make_images(tmp_path / "outlined", 3))
    studio_window.studio.adopt(made)
    studio_window.window.resize(1280, 720)
    return studio_window.label_page()


@pytest.mark.parametrize("width", [960, 1280])
def test_that_boxes_do_not_train_is_read_whole_in_a_small_window(
    studio_window: Person, outlining: LabelPage, width: int
) -> None:
    studio_window.window.resize(width, 720)
    studio_window.trigger("label.box")
    note = outlining.bar.note
    assert note.isVisible()
    assert note.text().startswith("Boxes are kept but do not train here")
    assert note.words.height() >= note.words.heightForWidth(note.words.width()), "it is cut"
    assert outlining.canvas.rect().contains(note.geometry())
    studio_window.trigger("label.polygon")
    assert not note.isVisible(), "polygons train"


def test_the_file_name_stays_readable_beside_the_options_of_the_brush(
    studio_window: Person, label: LabelPage
) -> None:
    label.arrive(back=("analyze", "Back to the errors"))
    studio_window.trigger("label.brush")
    assert label.document.image is not None
    title = label.document.image.title
    studio_window.until(lambda: label.bar.file.shown() == title)


# The next image


def test_the_next_image_is_seen_whole_after_approving_at_a_deep_zoom(
    studio_window: Person, label: LabelPage
) -> None:
    fits = label.canvas.scale
    label.canvas.zoom_to(fits * 3)
    studio_window.trigger("label.approve")
    assert label.canvas.scale == pytest.approx(fits)


def test_keep_zoom_opens_the_next_image_where_one_was_looking(
    studio_window: Person, label: LabelPage
) -> None:
    studio_window.trigger("label.keep_zoom")
    assert studio_window.studio.settings.get("label.keep_zoom") is True
    label.canvas.zoom_to(40)
    studio_window.trigger("label.next")
    assert label.canvas.scale == pytest.approx(40)
    studio_window.studio.settings.set("label.keep_zoom", False)
    assert not studio_window.studio.actions["label.keep_zoom"].isChecked()
    studio_window.trigger("label.next")
    assert label.canvas.scale < 40


def test_arrows_go_through_the_images_whatever_is_selected(
    studio_window: Person, label: LabelPage
) -> None:
    assert label.document.image is not None
    first = label.document.image.id
    studio_window.key("Right")
    assert label.document.image.id == label.order.ids[1]
    studio_window.key("Left")
    assert label.document.image.id == first
    studio_window.trigger("label.select")
    (chosen, *_others) = label.document.annotations
    label.document.select([chosen.id])
    studio_window.key("Shift+Right")
    assert label.document.image.id == first, "Shift and the arrow move what is selected"
    moved = label.document.get(chosen.id)
    assert moved is not None
    assert moved.box.x == chosen.box.x + 1
    studio_window.key("Right")
    assert label.document.image.id == label.order.ids[1], "the arrow alone goes on"


def test_arrows_in_a_slider_of_the_panel_move_the_slider(
    studio_window: Person, label: LabelPage
) -> None:
    assert label.document.image is not None
    first, slider = label.document.image.id, label.display.brightness.slider
    slider.setFocus()
    before = slider.value()
    studio_window.key("Right", slider)
    assert slider.value() > before
    assert label.document.image.id == first


def test_shift_d_and_shift_a_go_to_the_images_that_wait_for_review(
    studio_window: Person, label: LabelPage
) -> None:
    ids = label.order.ids
    with studio_window.project.transaction("Review") as session:
        commands.set_review(session, image_ids=ids[1:4], review=Review.REVIEWED)
    studio_window.key("Shift+D")
    assert label.document.image is not None
    assert label.document.image.id == ids[4]
    studio_window.key("Shift+A")
    assert label.document.image.id == ids[0]


# The filter of the Data page


def test_the_filmstrip_follows_the_filter_of_the_data_page_until_its_chip_is_removed(
    studio_window: Person,
) -> None:
    data = studio_window.page("data")
    data.show_filter(ImageFilter(text="slide_1"))  # type: ignore[attr-defined]
    with studio_window.project.read() as session:
        some = queries.image_ids(session, ImageFilter(text="slide_1"))
    studio_window.studio.select(some[:1])
    studio_window.studio.select_image(some[0])
    label = studio_window.label_page()
    assert list(label.strip.images.ids) == list(some)
    chip = label.strip_bar.chip
    assert chip.isVisible()
    assert chip.button.text().startswith("Filtered: named “slide_1”")
    studio_window.key("D", label.canvas)
    assert label.document.image is not None
    assert label.document.image.id == some[1]
    studio_window.click(chip.button)
    assert not chip.isVisible()
    assert len(label.strip.images.ids) == 12
    studio_window.page("data")
    studio_window.page("label")
    assert not chip.isVisible(), "a filter that was taken away does not come back by itself"


# Undo


def test_undo_in_label_asks_before_it_takes_an_import_away(
    studio_window: Person, label: LabelPage, answers: list[str], tmp_path: Path
) -> None:
    with studio_window.project.transaction("Import more"):
        pass
    images = make_images(tmp_path / "more", 3)
    from cvstudio.project.records import NewImage

    with studio_window.project.transaction("Import more") as session:
        uris = [studio_window.project.uri_of(path) for path in images]
        commands.add_images(session, [NewImage(uri=uri, width=64, height=48) for uri in uris])
    studio_window.trigger("edit.undo")
    assert answers == ["Undo the import of 3 images?"]
    assert studio_window.studio.image_count == 15, "no means no"


def test_undo_in_label_asks_before_a_step_on_many_images_and_goes_to_another_one(
    studio_window: Person, label: LabelPage, answers: list[str]
) -> None:
    project, ids = studio_window.project, label.order.ids
    with project.transaction("Mark 3 images as reviewed") as session:
        commands.set_review(session, image_ids=ids[1:4], review=Review.REVIEWED)
    studio_window.trigger("edit.undo")
    assert answers == ["Undo “Mark 3 images as reviewed” on 3 images?"]
    with project.transaction("Add box") as session:
        commands.add_annotation(session, image_id=ids[5], class_id=1, shape=Box(1, 1, 5, 5))
    studio_window.trigger("edit.undo")
    assert len(answers) == 1
    assert studio_window.project.redo_label == "Add box"
    until(lambda: label.document.image is not None and label.document.image.id == ids[5])


def test_undo_of_what_was_drawn_on_the_open_image_asks_nothing_and_shows_what_came_back(
    studio_window: Person, label: LabelPage, answers: list[str]
) -> None:
    assert label.document.image is not None
    chosen = label.document.annotations[1].id
    label.document.delete([chosen])
    assert not label.document.selection
    studio_window.trigger("edit.undo")
    assert label.document.selection == {chosen}
    label.document.select([])
    label.document.relabel([chosen], 1 if label.document.get(chosen).class_id == 2 else 2)  # type: ignore[union-attr]
    studio_window.trigger("edit.undo")
    assert label.document.selection == {chosen}
    assert answers == []


@pytest.mark.parametrize("action", ["label.brush", "label.erase"])
def test_a_stroke_beside_the_image_is_no_step(
    studio_window: Person, label: LabelPage, action: str
) -> None:
    assert label.document.image is not None
    image_id = label.document.image.id
    before, step = stored(studio_window, image_id), studio_window.project.undo_label
    label.document.select(before[:1])
    studio_window.trigger(action)
    label.brush.size = 3
    studio_window.drag(label.canvas, (-14, 10), (-8, 20))
    assert stored(studio_window, image_id) == before
    assert studio_window.project.undo_label == step
    assert any("outside the image" in words for words in label.status_left)


# Toasts, missing files


def test_toasts_cover_neither_the_filmstrip_nor_a_button(
    studio_window: Person, label: LabelPage
) -> None:
    for page in ("label", "data"):
        shown = studio_window.page(page)
        studio_window.studio.toast("A sentence that is rather long. " * 6, link="Undo", do=str)
        studio_window.settle()
        (frame,) = studio_window.window.findChildren(ToastFrame)
        place = frame.geometry()
        assert place.width() <= shown.free_area().width()
        for part in (label.strip, label.side.next_step.button, *shown.findChildren(QPushButton)):
            if part.isVisible():
                where = part.mapTo(studio_window.window, part.rect().topLeft())
                assert not place.intersects(part.rect().translated(where)), part
        frame.deleteLater()
        studio_window.settle()


def test_a_missing_image_offers_to_find_its_folder_and_is_shown_once_it_is_found(
    studio_window: Person, label: LabelPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = studio_window.project
    last = label.order.ids[-1]
    with project.read() as session:
        path = project.image_path(queries.image(session, last))
    moved = path.with_name("moved.png")
    path.rename(moved)
    studio_window.studio.go_to("label", image_id=last)
    studio_window.until(lambda: label.stack.currentWidget() is label.empty)
    assert label.empty.button.text() == "Find the folder…"
    assert label.empty.also.text() == "Next image"
    went: list[tuple[str, dict[str, object]]] = []
    studio_window.studio.went.disconnect()
    studio_window.studio.went.connect(lambda page, what: went.append((page, what)))
    studio_window.click(label.empty.button)
    assert went == [("data", {"moved": True})]
    with project.transaction("Find images") as session:
        commands.relocate_images(session, {last: project.uri_of(moved)})
    studio_window.until(lambda: label.stack.currentWidget() is label.canvas)
    studio_window.until(lambda: label.canvas.tiles.pyramid is not None)


def test_an_image_that_cannot_be_read_is_not_approved_until_it_is_found(
    studio_window: Person, label: LabelPage
) -> None:
    project = studio_window.project
    last = label.order.ids[-1]

    def review() -> Review:
        with project.read() as session:
            return queries.image(session, last).review

    with project.read() as session:
        path = project.image_path(queries.image(session, last))
    before = review()
    assert before not in (Review.REVIEWED, Review.EMPTY)
    moved = path.with_name("moved.png")
    path.rename(moved)
    studio_window.studio.go_to("label", image_id=last)
    studio_window.until(lambda: label.stack.currentWidget() is label.empty)
    studio_window.trigger("label.approve")
    studio_window.settle()
    assert review() == before
    told = [frame.words.text() for frame in studio_window.window.findChildren(ToastFrame)]
    assert any(words.startswith("Not approved: ") for words in told)
    with project.transaction("Find images") as session:
        commands.relocate_images(session, {last: project.uri_of(moved)})
    studio_window.until(lambda: label.canvas.tiles.pyramid is not None)
    studio_window.trigger("label.approve")
    assert review() in (Review.REVIEWED, Review.EMPTY)


# Classes


@pytest.fixture
def digits(studio_window: Person, tmp_path: Path) -> LabelPage:
    """A project of ten classes named after digits, in a small window."""
    names = [str(number) for number in range(10)]
    made = Project.create(tmp_path / "digits", task=Task.CLASSIFY, classes=names)
    fill_project(made, make_images(tmp_path / "numbers", 4), boxes=0)
    studio_window.studio.adopt(made)
    studio_window.window.resize(1280, 720)
    return studio_window.label_page()


def test_ten_classes_are_all_seen_in_a_small_window_and_5_means_5(
    studio_window: Person, digits: LabelPage
) -> None:
    view = digits.class_list.view
    assert view.verticalScrollBar().maximum() == 0, "all ten rows are to be seen"
    studio_window.key("5", digits.canvas)
    assert digits.side.image_class.name.text() == "5"
    assert digits.status_right.startswith("Press a class's key")
    assert "band" not in digits.status_right


def test_an_image_to_be_classified_is_shown_whole_when_it_comes_from_an_error(
    studio_window: Person, digits: LabelPage
) -> None:
    fits = digits.canvas.scale
    digits.canvas.zoom_to(fits * 2)
    studio_window.studio.go_to("label", image_id=2, box=(0, 0, 64, 48))
    studio_window.settle()
    studio_window.until(lambda: digits.canvas.scale == pytest.approx(fits))
    assert not digits.document.selection


# A project that is open for reading only


def test_a_project_open_for_reading_says_so_on_every_page_and_offers_nothing_that_writes(
    reading: Person,
) -> None:
    actions = reading.studio.actions
    (banner,) = reading.window.findChildren(ReadOnlyBanner)
    for name in ("data", "label", "train", "export"):
        reading.page(name)
        assert banner.isVisible(), name
    assert "nothing can be changed" in banner.text
    for id in ("data.import", "label.box", "label.brush", "label.approve", "train.start"):
        assert not actions[id].isEnabled(), id
        assert "open for reading only" in actions[id].toolTip(), id
    assert not reading.button("Import", reading.page("data")).isEnabled()
    assert actions["label.select"].isEnabled()
    assert actions["label.next"].isEnabled()


def test_what_a_reader_tries_all_the_same_ends_in_one_sentence_and_changes_nothing(
    reading: Person,
) -> None:
    label = reading.label_page()
    assert label.document.image is not None
    before = stored(reading, label.document.image.id)
    label.document.delete(before)
    reading.settle()
    assert stored(reading, label.document.image.id) == before
    assert any("open for reading only" in words for words in reading.window.toasts.texts())
