#!/usr/bin/env python3
"""Writes views.json and views.bin: what torchvision's transforms make of pictures of this folder.

Made with torchvision 0.28.0 and Pillow 13.0.0. Run it in any folder:

    python3 -m venv venv && venv/bin/pip install torchvision && venv/bin/python make_views.py

views.json lists the views: "eval" is Resize(short side) and CenterCrop(side), "crop" is resized_crop of a region, as
RandomResizedCrop does once it has chosen one. views.bin holds their pixels, uint8 [side, side, 3], one after the other.
"""

import json
import pathlib

import numpy as np
import PIL
import torchvision
from PIL import Image
from torchvision.transforms import CenterCrop, Compose, InterpolationMode, Resize
from torchvision.transforms.functional import resized_crop

HERE = pathlib.Path(__file__).parent
FILES = [
    "large-1x1.jpg", "large-2x2.jpg", "large-progressive.jpg", "cmyk.jpg", "grey.jpg", "odd-size.jpg", "narrow.jpg",
    "orientation-6.jpg", "rgb8-interlaced.png", "palette8.png", "rgba8.png", "lossy-large.webp", "lossless-alpha.webp",
]
MODES = {"bilinear": InterpolationMode.BILINEAR, "bicubic": InterpolationMode.BICUBIC}
random = np.random.default_rng(7)
views, pixels = [], bytearray()


def record(image, **view):
    assert image.size == (view["side"], view["side"]), view
    views.append(view)
    pixels.extend(np.asarray(image).tobytes())


for name in FILES:
    with Image.open(HERE / name) as file:
        image = file.convert("RGB")
    for side, short_side in [(16, 18), (24, 24)]:
        for mode, interpolation in MODES.items():
            view = Compose([Resize(short_side, interpolation=interpolation), CenterCrop(side)])(image)
            record(view, file=name, kind="eval", side=side, short_side=short_side, interpolation=mode)
    for side in [16, 28]:
        width, height = (int(random.integers(1, extent + 1)) for extent in image.size)
        left = int(random.integers(0, image.width - width + 1))
        top = int(random.integers(0, image.height - height + 1))
        view = resized_crop(image, top, left, height, width, [side, side], InterpolationMode.BILINEAR, antialias=True)
        record(view, file=name, kind="crop", side=side, region=[top, left, height, width])

made_with = {"torchvision": torchvision.__version__.split("+")[0], "pillow": PIL.__version__}
(HERE / "views.json").write_text(json.dumps({"made_with": made_with, "views": views}, indent=1) + "\n")
(HERE / "views.bin").write_bytes(bytes(pixels))
