"""What is done in the hour of docs/work_hour.py: chapters of gestures, a row for each tool.

The gestures stand beside this by their subject, in work_hour_*.py.
"""

from __future__ import annotations

import work_hour_areas as areas
import work_hour_boxes as boxes
import work_hour_keypoints as keypoints
import work_hour_outlines as outlines
import work_hour_pages as pages
from work_hour import Chapter, Gesture
from work_hour_places import BIRDS, BLOOD, ORANGE, ORANGES, SKIER, SURFER

AROUND = (
    Gesture("gallery and query", pages.gallery),
    Gesture("save a view", pages.save_view, "data.save_view"),
    Gesture("back to label", pages.clear_query),
    Gesture("palette", pages.palette),
    Gesture("class manager", lambda hand: hand.dialog("label.classes")),
    Gesture("suggest labels", lambda hand: hand.dialog("label.suggest"), "label.suggest"),
    Gesture("settings", lambda hand: hand.dialog("app.settings"), "app.settings"),
    Gesture("history", pages.history, "edit.history"),
)

CHAPTERS = (
    Chapter(
        "blood", "det_bccd", "detect",
        (
            Gesture("box by dragging", boxes.box_by_dragging, image=BLOOD),
            Gesture("box by clicks", boxes.box_by_clicks),
            Gesture("box by extreme points", boxes.box_by_extremes),
            Gesture("rotated box", boxes.rotated_box, "label.rotated_box"),
            Gesture("select and resize", boxes.select_and_resize),
            Gesture("rubber band and class", boxes.rubber_band),
            Gesture("duplicate and copy to next", boxes.copy_paste),
            Gesture("copy and paste", boxes.paste, "label.paste"),
            Gesture("track", boxes.track, "label.track"),
            Gesture("lock and hide", boxes.hide_and_lock),
            Gesture("attributes", lambda hand: hand.act("label.attributes"), "label.attributes"),
            Gesture("looks", pages.looks),
            Gesture("looks off", pages.plain_looks),
            Gesture("minimap", pages.minimap, "label.minimap"),
            Gesture("progress", pages.progress),
            Gesture("comment", pages.comment),
            Gesture("restore as of", pages.restore),
            Gesture("undo and redo", pages.undo_all),
            Gesture("reject", pages.reject),
            Gesture("approve", pages.approve),
            Gesture("next images", pages.next_images),
            *AROUND,
        ),
    ),
    Chapter(
        "photos", "inst_tinycoco/tinycoco", "instance",
        (
            Gesture("polygon", outlines.polygon, image=BIRDS),
            Gesture("points", outlines.points),
            Gesture("point eraser", outlines.point_eraser, "label.points"),
            Gesture("slice", outlines.slice_shape, "label.slice"),
            Gesture("join", outlines.join, "label.join"),
            Gesture("part and hole", outlines.part_and_hole),
            Gesture("subtract", outlines.subtract, "label.subtract"),
            Gesture("intersect", outlines.intersect, "label.intersect"),
            Gesture("order", outlines.order, "label.front"),
            Gesture("snap to borders", outlines.snap, "label.snap"),
            Gesture("simplify", outlines.adjust("label.simplify"), "label.simplify"),
            Gesture("smooth", outlines.adjust("label.smooth"), "label.smooth"),
            Gesture("convert", outlines.adjust("label.convert"), "label.convert"),
            Gesture("select all and delete", outlines.clear, image=ORANGES),
            Gesture("class by its name", outlines.choose_class),
            Gesture("wand", areas.wand(ORANGE), "label.wand"),
            Gesture("scissors", areas.scissors, "label.scissors"),
            Gesture("grabcut", areas.grabcut, "label.grabcut"),
            Gesture("superpixels", areas.superpixels, "label.superpixels"),
            Gesture("brush", areas.brush),
            Gesture("erase", areas.erase),
            Gesture("smart", areas.smart, "label.smart"),
            Gesture("undo and redo", pages.undo_all),
        ),
    ),
    Chapter(
        "people", "inst_tinycoco/pose_minicoco", "instance",
        (
            Gesture("template as labelled", keypoints.template_as_labelled, image=SURFER),
            Gesture("draw a skeleton", keypoints.draw_skeleton),
            Gesture("drop a template", keypoints.drop_template, "label.keypoints"),
            Gesture("walk and hide", keypoints.walk_and_hide),
            Gesture("points one by one", keypoints.points_one_by_one, image=SKIER),
            Gesture("swap left and right", keypoints.swap_sides, "label.swap_sides"),
            Gesture("undo and redo", pages.undo_all),
            Gesture("gallery", keypoints.gallery_of_people),
        ),
    ),
    Chapter(
        "sandstone", "sem_sandstone", "segment",
        (
            Gesture("brush", areas.brush_a_class, image="Versa0100"),
            Gesture("erase", areas.erase),
            Gesture("wand", areas.wand(), "label.wand"),
            Gesture("window by dragging", pages.window_by_dragging),
            Gesture("pixel classifier", areas.pixel_classifier, "label.pixel_classifier"),
            Gesture("next images", pages.next_images),
        ),
    ),
    Chapter(
        "orientation", "odd_exif", "detect",
        (
            Gesture("all upright", pages.all_images),
            Gesture("first class", boxes.first_class, image="Landscape_6"),
            Gesture("box on a turned image", boxes.box_by_clicks),
            Gesture("next images", pages.next_images),
        ),
    ),
    Chapter(
        "odd", "odd_image_rs", "detect",
        (
            Gesture("what could be read", pages.all_images),
            Gesture("window by dragging", pages.window_by_dragging, image="16bpc"),
            Gesture("next images", pages.next_images),
        ),
    ),
)  # fmt: skip
