#!/usr/bin/env python3
"""Writes resize.json: antialiased bilinear resizing of crops by Pillow (crop, then resize, as torchvision does).

`float` holds Pillow's result on 32-bit floating-point images, which is not rounded; `byte` its result on 8-bit
images, rounded after each of the two passes. Pixel (row i, column j) is (37 i + 101 j + 13 i j) mod 256.
"""

import json
import pathlib

import PIL
from PIL import Image

CASES = [  # height, width, top, left, crop height, crop width, size
    (28, 28, 0, 0, 28, 28, 28),
    (28, 28, 3, 5, 17, 22, 28),
    (28, 28, 0, 0, 28, 28, 11),
    (28, 28, 2, 1, 25, 20, 8),
    (20, 30, 4, 7, 13, 19, 16),
    (5, 7, 0, 0, 5, 7, 3),
    (6, 6, 2, 3, 1, 2, 5),
]


def run(height, width, top, left, crop_height, crop_width, size):
    image = Image.new("L", (width, height))
    image.putdata([(37 * i + 101 * j + 13 * i * j) % 256 for i in range(height) for j in range(width)])
    box = (left, top, left + crop_width, top + crop_height)
    resized = {
        name: image.convert(mode).crop(box).resize((size, size), Image.Resampling.BILINEAR)
        for name, mode in (("float", "F"), ("byte", "L"))
    }
    return {
        "height": height, "width": width, "top": top, "left": left, "crop_height": crop_height,
        "crop_width": crop_width, "size": size,
        "float": [round(value, 4) for value in resized["float"].getdata()],
        "byte": list(resized["byte"].getdata()),
    }


content = {"generator": "resize.py", "pillow": PIL.__version__, "cases": [run(*case) for case in CASES]}
pathlib.Path(__file__).with_name("resize.json").write_text(json.dumps(content, separators=(",", ":")) + "\n")
