"""The tabs of the gallery in a narrow window."""

from __future__ import annotations

from person import Person
from test_analyze import finished_run, judged_page

from cvstudio.gui.analyze.gallery import Gallery
from cvstudio.project.verdict import KindCount


def test_no_tab_is_cut_in_a_narrow_window(studio_window: Person) -> None:
    finished_run(studio_window.project)
    gallery: Gallery = judged_page(studio_window).errors.gallery
    kinds = [
        KindCount(title.lower(), title, 296)
        for title in ("All", "Missed", "False alarm", "Wrong class", "Loose box", "Duplicate")
    ]
    gallery.show_kinds([*kinds, KindCount("likely", "Likely label errors", 29)], fresh=False)
    studio_window.window.resize(1500, 900)
    studio_window.settle()
    assert gallery.tabs.tabText(6).startswith("Likely label errors")
    gallery.resize(gallery.tabs.sizeHint().width(), gallery.height())
    assert gallery.tabs.tabText(6).startswith("Label errors")
    assert gallery.tabs.tabToolTip(6) == "Likely label errors"
    assert gallery.tabs.tabText(2).startswith("False alarm"), "there is room for it"
    assert not gallery.tabs.tabToolTip(2)
    gallery.resize(560, gallery.height())
    assert [gallery.tabs.tabText(at).split()[0] for at in (2, 3, 6)] == [
        "Alarm", "Class", "Suspects",
    ]  # fmt: skip
    assert gallery.tabs.tabToolTip(2) == "False alarm"


def test_nothing_is_cut_where_more_errors_can_be_listed_in_a_small_window(
    studio_window: Person,
) -> None:
    finished_run(studio_window.project)
    gallery: Gallery = judged_page(studio_window).errors.gallery
    titles = (
        "All", "Missed", "False alarm", "Wrong class", "Loose box", "Wrong class and loose",
        "Duplicate", "Likely label errors",
    )  # fmt: skip
    gallery.show_kinds([KindCount(title.lower(), title, 61) for title in titles], fresh=False)
    gallery.more.show()
    gallery._make_room()
    room = gallery.tabs.sizeHint().width() + 24 + gallery.more.sizeHint().width() + 8
    assert gallery.more.text() == "Show more"
    for width in range(room, 400, -20):
        gallery.resize(width, gallery.height())
        if gallery.more.text() == "More":
            break
        assert gallery.tabs.sizeHint().width() + gallery.more.sizeHint().width() <= width
    else:
        raise AssertionError("it never gives way")
    assert gallery.tabs.tabText(7).startswith("Suspects")
