"""Reads data sets that `cjepa-exp data make scenes` has made with pycocotools and Pillow, and as VTAB reads CLEVR.

Usage: test_scenes.py FOLDER. Says "read: …" at the end.
"""

import json
import sys
from collections import Counter
from pathlib import Path

import numpy as np
from PIL import Image
from pycocotools import mask as masks
from pycocotools.coco import COCO

root = Path(sys.argv[1])
manifest = json.loads((root / "cjepa-exp-scenes.json").read_text())
images, size = manifest["plan"]["images"], manifest["plan"]["size"]
assert manifest["isComplete"]
done = []


def check_imagenet():
    classes = {}
    for split, count in (("train", images), ("val", max(10, images // 5))):
        names = sorted(path.name for path in (root / "imagenet" / split).iterdir())
        classes[split] = names
        files = [list((root / "imagenet" / split / name).glob("*.JPEG")) for name in names]
        assert sum(map(len, files)) == count
        # Classes are as frequent as one another, but for one.
        assert max(map(len, files)) - min(map(len, files)) <= 1, list(map(len, files))
        for path in files[0] + files[-1]:
            with Image.open(path) as image:
                image.load()
                assert image.format == "JPEG" and image.mode == "RGB" and min(image.size) == size, path
    assert classes["train"] == classes["val"] and len(classes["train"]) == 10


def check_clevr():
    for split in ("train", "val"):
        scenes = json.loads((root / f"CLEVR_v1.0/scenes/CLEVR_{split}_scenes.json").read_text())["scenes"]
        assert len(scenes) == (images if split == "train" else max(10, images // 5))
        assert [scene["image_index"] for scene in scenes] == list(range(len(scenes)))
        counts, distances = Counter(), Counter()
        for scene in scenes:
            objects = scene["objects"]
            counts[len(objects) - 3] += 1
            # VTAB's closest_object_distance.
            nearest = min(thing["pixel_coords"][2] for thing in objects)
            distances[int(np.searchsorted([0.0, 8.0, 8.5, 9.0, 9.5, 10.0, 100.0], nearest)) - 1] += 1
            with Image.open(root / "CLEVR_v1.0/images" / split / scene["image_filename"]) as image:
                assert image.mode == "RGB" and image.size == (size * 3 // 2, size)
                width, height = image.size
            for thing in objects:
                x, y, _ = thing["pixel_coords"]
                assert 0 <= x < width and 0 <= y < height
            # Those to the left of a thing have smaller columns.
            for place, left in enumerate(scene["relationships"]["left"]):
                assert all(objects[k]["pixel_coords"][0] <= objects[place]["pixel_coords"][0] for k in left)
        if len(scenes) >= 96:
            assert sorted(counts) == list(range(8)) and sorted(distances) == list(range(6))
            assert max(counts.values()) <= 1.5 * min(counts.values()), counts
            assert max(distances.values()) <= 1.6 * min(distances.values()), distances


def check_ade20k():
    base = root / "ADEChallengeData2016"
    seen = set()
    for split in ("training", "validation"):
        pictures = sorted((base / "images" / split).glob("*.jpg"))
        labels = sorted((base / "annotations" / split).glob("*.png"))
        assert [path.stem for path in pictures] == [path.stem for path in labels] and pictures
        for picture, label in zip(pictures, labels):
            with Image.open(picture) as image, Image.open(label) as classes:
                assert classes.mode == "P" and classes.size == image.size
                values = np.asarray(classes)
                seen |= set(np.unique(values).tolist())
    assert seen == set(range(11)), seen
    lines = (base / "objectInfo150.txt").read_text().splitlines()
    assert lines[0].startswith("Idx") and len(lines) == 11
    assert len((base / "sceneCategories.txt").read_text().splitlines()) == images + max(10, images // 5)


def voc_palette():
    palette = np.zeros((256, 3), np.uint8)
    for number in range(256):
        rest = number
        for shift in range(7, -1, -1):
            for channel in range(3):
                palette[number, channel] |= ((rest >> channel) & 1) << shift
            rest >>= 3
    return palette


def check_davis():
    base = root / "DAVIS"
    hidden = 0
    for split in ("train", "val"):
        names = (base / f"ImageSets/2017/{split}.txt").read_text().split()
        assert names
        for name in names:
            frames = sorted((base / "JPEGImages/480p" / name).glob("*.jpg"))
            labels = sorted((base / "Annotations/480p" / name).glob("*.png"))
            assert 20 <= len(frames) <= 40
            assert [path.stem for path in frames] == [path.stem for path in labels]
            assert frames[0].name == "00000.jpg"
            areas = []
            for frame, label in zip(frames, labels):
                with Image.open(frame) as image, Image.open(label) as things:
                    assert things.mode == "P" and things.size == image.size
                    palette = np.array(things.getpalette(), np.uint8).reshape(-1, 3)
                    assert (palette == voc_palette()[: len(palette)]).all() and len(palette) == 256
                    areas.append(np.bincount(np.asarray(things).ravel(), minlength=5)[1:])
            areas = np.stack(areas)
            count = int((areas.max(0) > 0).sum())
            # All things are there in the first frame, which tracking starts from, and numbered from one.
            assert 2 <= count <= 4 and (areas[0, :count] > 0).all() and (areas[:, count:] == 0).all()
            # They grow and shrink, and some are hidden on the way.
            assert all(areas[:, k].max() > areas[:, k].min() for k in range(count))
            hidden += int((areas[:, :count].min(0) < 0.5 * areas[:, :count].max(0)).sum())
    assert hidden > 0


def check_coco():
    for split in ("train2017", "val2017"):
        coco = COCO(root / f"coco/annotations/instances_{split}.json")
        assert len(coco.getCatIds()) == 10
        polygons = 0
        for number in coco.getImgIds():
            info = coco.loadImgs(number)[0]
            with Image.open(root / "coco" / split / info["file_name"]) as image:
                assert image.size == (info["width"], info["height"])
                pixels = np.asarray(image).astype(int)
            covered = np.zeros((info["height"], info["width"]), int)
            annotations = coco.loadAnns(coco.getAnnIds(imgIds=number))
            assert annotations
            for annotation in annotations:
                mask = coco.annToMask(annotation)
                covered += mask
                polygons += len(annotation["segmentation"])
                assert int(mask.sum()) == annotation["area"], (annotation["id"], mask.sum(), annotation["area"])
                box = masks.toBbox(coco.annToRLE(annotation)).tolist()
                assert box == annotation["bbox"], (box, annotation["bbox"])
                # Things are lighter than the ground around them in most pictures of this kind.
            assert covered.max() == 1, "masks overlap"
            if manifest["plan"]["colours"] == "grey":
                assert pixels[covered == 1].mean() > pixels[covered == 0].mean()
        assert polygons > 0


checks = {
    "imagenet": check_imagenet, "clevr": check_clevr, "ade20k": check_ade20k, "davis": check_davis, "coco": check_coco
}
for kind in manifest["plan"]["kinds"]:
    checks[kind]()
    done.append(kind)
print("read:", *done)
