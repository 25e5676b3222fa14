#!/usr/bin/env python3
"""Writes views.json: evaluation views of colour images by Pillow, the short side resized and the centre cut out.

Sizes and places are those of torchvision's Resize and CenterCrop: the long side is cut off to whole pixels, halves are
rounded to even. `float` holds the result on 32-bit floating-point images, channel by channel; `byte` that on 8-bit
images, rounded after each of the two passes; `luma` that of the image after convert("L"). Pixel (row i, column j, channel
c) is (37 i + 101 j + 13 i j + 71 c + 5 c i) mod 256; values are in the order channel, row, column.
"""

import json
import pathlib

import PIL
from PIL import Image

CASES = [  # height, width, short side, side
    (40, 60, 20, 12),
    (61, 43, 16, 10),
    (33, 50, 12, 7),
    (9, 14, 16, 11),
    (12, 12, 12, 12),
]
FILTERS = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}


def view(image, height, width, short, side, method):
    def resized(length):
        return short if length == min(height, width) else int(short * length / min(height, width))

    h, w = resized(height), resized(width)
    image = image.resize((w, h), FILTERS[method])
    top, left = round((h - side) / 2), round((w - side) / 2)
    return image.crop((left, top, left + side, top + side))


def run(height, width, short, side, method):
    image = Image.new("RGB", (width, height))
    image.putdata([
        tuple((37 * i + 101 * j + 13 * i * j + 71 * c + 5 * c * i) % 256 for c in range(3))
        for i in range(height) for j in range(width)
    ])
    args = (height, width, short, side, method)
    planes = [view(channel.convert("F"), *args) for channel in image.split()]
    return {
        "height": height, "width": width, "short": short, "side": side, "method": method,
        "float": [round(value, 2) for plane in planes for value in plane.get_flattened_data()],
        "byte": [value for plane in view(image, *args).split() for value in plane.get_flattened_data()],
        "luma": list(view(image.convert("L"), *args).get_flattened_data()),
    }


cases = [run(*case, method) for case in CASES for method in FILTERS]
content = {"generator": "views.py", "pillow": PIL.__version__, "cases": cases}
pathlib.Path(__file__).with_name("views.json").write_text(json.dumps(content, separators=(",", ":")) + "\n")
