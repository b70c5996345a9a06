"""A project open for reading: no button looks as if it could change something."""

from person import Person
from PySide6.QtWidgets import QAbstractButton, QTabBar, QWidget

from cvstudio.core.annotation import Review
from cvstudio.project import queries


def select_one(person: Person) -> None:
    """Select an image on the Data page and look at the tab that tells about it."""
    data = person.page("data")
    person.until(lambda: said(data, "Edit split"))
    with person.project.read() as session:
        person.studio.select(queries.image_ids(session)[:1])
    tabs = next(t for t in data.findChildren(QTabBar) if t.tabText(t.count() - 1) == "Selection")
    tabs.setCurrentIndex(tabs.count() - 1)
    person.settle()


def said(page: QWidget, text: str) -> bool:
    """Whether a button with these words is shown: some wait for what threads read."""
    return any(b.isVisible() and b.text() == text for b in page.findChildren(QAbstractButton))


def test_mark_as_reviewed_is_grey_and_says_why(reading: Person) -> None:
    select_one(reading)
    data = reading.page("data")
    marking = reading.button("Mark as reviewed", data)
    assert not marking.isEnabled()
    assert "open for reading only" in marking.toolTip()
    assert reading.button("Open in Label", data).isEnabled(), "looking is allowed"


def test_mark_as_reviewed_works_where_one_may_write(studio_window: Person) -> None:
    select_one(studio_window)
    marking = studio_window.button("Mark as reviewed", studio_window.page("data"))
    assert marking.isEnabled()
    studio_window.click(marking)
    image_id = studio_window.studio.selection[0]
    with studio_window.project.read() as session:
        assert queries.image(session, image_id).review == Review.REVIEWED


def test_links_that_would_write_are_grey_on_data_and_label(reading: Person) -> None:
    data = reading.page("data")
    reading.until(lambda: said(data, "Edit split"))
    assert not reading.button("Edit split", data).isEnabled()
    label = reading.page("label")
    reading.settle()
    assert not reading.button("Suggest…", label).isEnabled()
