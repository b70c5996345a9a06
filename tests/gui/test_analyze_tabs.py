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
