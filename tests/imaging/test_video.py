"""Frame i of a video is frame i, however one comes to it."""

import os
import random
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from video_clips import HEIGHT, KINDS, WIDTH, number_on, write_clip, write_uneven_clip

from cvstudio.core import places
from cvstudio.core.errors import ImageError
from cvstudio.core.opencv import cv2
from cvstudio.imaging import video
from cvstudio.imaging.decode import probe, read_image
from cvstudio.imaging.thumbnails import make
from cvstudio.imaging.tiles import Pyramid


@pytest.mark.parametrize("codec", KINDS)
def test_a_frame_asked_for_at_random_is_that_frame(tmp_path, codec):
    clip = write_clip(tmp_path / f"clip.{KINDS[codec]}", frames=150, codec=codec)
    infos = probe(clip)
    assert [i.page for i in infos] == list(range(150))
    assert {(i.width, i.height, i.pages) for i in infos} == {(WIDTH, HEIGHT, 150)}
    asked = random.Random(4).sample(range(150), 60)
    assert [number_on(read_image(clip, frame)) for frame in asked] == asked


@pytest.mark.parametrize("codec", ["MJPG", "mp4v"])
def test_going_backwards_gives_the_same_pixels_as_going_forwards(tmp_path, codec):
    clip = write_clip(tmp_path / f"clip.{KINDS[codec]}", frames=40, codec=codec)
    forwards = [read_image(clip, frame).copy() for frame in range(40)]
    video._start_afresh()
    backwards = [read_image(clip, frame) for frame in reversed(range(40))]
    assert all(np.array_equal(a, b) for a, b in zip(forwards, reversed(backwards), strict=True))


def test_frames_of_unequal_length_are_told_apart_where_plain_seeking_is_wrong(tmp_path):
    choice = random.Random(1)
    steps = [choice.choice([20, 40, 333]) for _ in range(200)]
    even = write_clip(tmp_path / "even.mp4", frames=200)
    clip = write_uneven_clip(tmp_path / "uneven.mkv", steps, source=even)
    index = video.index_of(clip)
    assert len(index) == 200
    assert np.allclose(np.diff(index.times), steps[:-1])
    assert not index.breaks_off
    asked = choice.sample(range(200), 50)
    plain = cv2.VideoCapture(str(clip), cv2.CAP_FFMPEG)
    wrong = 0
    for frame in asked:
        plain.set(cv2.CAP_PROP_POS_FRAMES, frame)
        done, bgr = plain.read()
        wrong += not done or number_on(bgr) != frame
    plain.release()
    assert wrong > 10  # else this test proves nothing
    assert [number_on(read_image(clip, frame)) for frame in asked] == asked


def test_several_threads_get_their_own_frames(tmp_path):
    clip = write_clip(tmp_path / "clip.mp4", frames=60)
    asked = [random.Random(7).randrange(60) for _ in range(80)]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda frame: number_on(read_image(clip, frame)), asked))
    assert found == asked


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_forked_reader_reads_right_and_leaves_the_parents_place_alone(tmp_path):
    clip = write_clip(tmp_path / "clip.mp4", frames=60)
    assert number_on(read_image(clip, 20)) == 20
    child = os.fork()
    if child == 0:
        right = all(number_on(read_image(clip, frame)) == frame for frame in (50, 3, 21))
        os._exit(0 if right else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert [number_on(read_image(clip, frame)) for frame in (21, 22, 5)] == [21, 22, 5]


def test_a_video_that_is_cut_off_says_where_and_keeps_what_is_there(tmp_path):
    clip = write_clip(tmp_path / "clip.avi", frames=120, codec="MJPG")
    clip.write_bytes(clip.read_bytes()[: clip.stat().st_size // 2])
    index = video.index_of(clip)
    assert 40 < len(index) < 80
    assert "breaks off after" in index.breaks_off
    assert "of 0:04.800" in index.breaks_off
    last = len(index) - 1
    assert number_on(read_image(clip, last)) == last
    with pytest.raises(ImageError, match="no frame 120"):
        read_image(clip, 119)


def test_a_video_without_its_end_that_needs_it_is_refused_in_words(tmp_path):
    clip = write_clip(tmp_path / "clip.mp4", frames=50)
    clip.write_bytes(clip.read_bytes()[:3000])
    with pytest.raises(ImageError, match=r"clip.mp4 .*(damaged|cut off)"):
        probe(clip)


@pytest.mark.parametrize("content", [b"", b"#EXTM3U\nhttp://example.org/a.ts\n", b"\x00" * 5000])
def test_what_only_calls_itself_a_video_is_refused_in_words(tmp_path, content):
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(content)
    with pytest.raises(ImageError, match=r"clip\.mp4"):
        probe(clip)


def test_a_video_replaced_by_another_is_read_anew(tmp_path):
    clip = write_clip(tmp_path / "clip.mp4", frames=60)
    assert number_on(read_image(clip, 59)) == 59
    write_clip(clip, frames=30)
    assert len(probe(clip)) == 30
    with pytest.raises(ImageError, match="no frame 60"):
        read_image(clip, 59)


def test_a_lost_or_damaged_index_is_made_again(tmp_path):
    clip = write_clip(tmp_path / "clip.mp4", frames=30)
    video.index_of(clip)
    (file,) = places.videos().glob("*.npz")
    file.write_bytes(b"rubbish")
    assert len(video.index_of(clip)) == 30
    file.unlink()
    assert len(video.index_of(clip)) == 30
    assert file.is_file()


def test_thumbnails_and_the_canvas_show_the_frame_itself(tmp_path):
    clip = write_clip(tmp_path / "clip.mp4", frames=30)
    picture = cv2.imdecode(np.frombuffer(make(clip, 21), np.uint8), cv2.IMREAD_COLOR)
    whole = cv2.resize(picture, (WIDTH, HEIGHT))
    assert number_on(whole) == 21
    assert number_on(Pyramid(clip, 22).load()) == 22


@pytest.mark.parametrize("damage", ["cut", "changed"])
def test_an_index_that_was_damaged_on_the_disk_is_made_again(tmp_path, damage):
    clip = write_clip(tmp_path / "clip.mp4", frames=30)
    video.index_of(clip)
    (file,) = places.videos().glob("*.npz")
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 0xFF
    file.write_bytes(content[: len(content) // 2] if damage == "cut" else content)
    assert len(video.index_of(clip)) == 30
    assert number_on(read_image(clip, 29)) == 29


@pytest.mark.skipif(os.name != "posix", reason="file names are text on this system")
def test_a_file_whose_name_is_no_text_is_refused_in_words(tmp_path):
    clip = write_clip(tmp_path / "clip.mp4", frames=3)
    picture = tmp_path / "picture.png"
    cv2.imwrite(str(picture), np.zeros((9, 9, 3), np.uint8))
    for file, look in ((clip, video.look), (clip, probe), (picture, probe)):
        odd = file.with_name(os.fsdecode(b"caf\xe9") + file.suffix)
        file.rename(odd)
        with pytest.raises(ImageError, match="a name that is not UTF-8: rename it") as refused:
            look(odd)
        assert refused.value.message.isprintable()
        odd.rename(file)


def test_a_damaged_time_stamp_does_not_count_the_seconds_of_years():
    times = np.array([0.0, 40, 80, 1000, 1e15])
    index = video.VideoIndex(8, 8, 25.0, 5, times, np.ones(5, bool), np.zeros(5, np.uint32))
    assert video.Step(seconds=0.5).choose(index) == [0, 3, 4]


def test_a_video_replaced_by_another_of_its_size_and_date_is_read_anew(tmp_path):
    clips = [write_clip(tmp_path / f"{n}.avi", frames=n, codec="MJPG") for n in (30, 20)]
    size = max(clip.stat().st_size for clip in clips)
    for clip in clips:
        clip.write_bytes(clip.read_bytes().ljust(size, b"\0"))
        os.utime(clip, (1000, 1000))
    assert len(video.index_of(clips[0])) == 30
    os.replace(clips[1], clips[0])
    assert len(video.index_of(clips[0])) == 20
