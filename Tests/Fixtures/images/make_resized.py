#!/usr/bin/env python3
"""Writes resized.json: the CRC-32 of what Pillow's resize makes of 8-bit pictures. Made with Pillow 12.3.0.

Pillow up to 12 resizes along rows first; Pillow 13 takes columns first where it finds that cheaper, which differs by a
level or so, since values are rounded in between.

Byte i of a picture is the highest byte of 2654435761 (i + 1) modulo 2³², where (i / 50) mod 3 is 0; else 0 or 255 by
that: noise, and edges for the cubic to overshoot at. The sums of Pillow are integers, so results are equal to the bit.
"""

import json
import pathlib
import zlib

import numpy as np
import PIL
from PIL import Image

CASES = [  # width, height, target width, target height, box
    (50, 40, 22, 22, None),
    (50, 40, 50, 40, None),
    (50, 40, 50, 17, None),
    (50, 40, 17, 40, None),
    (50, 40, 101, 83, None),
    (1, 1, 7, 5, None),
    (2, 3, 16, 16, None),
    (333, 4, 1, 1, None),
    (4, 333, 3, 2, None),
    (97, 61, 32, 32, (3.25, 1.5, 90.75, 60.125)),
    (97, 61, 32, 32, (0, 0, 33.1, 61)),
    (97, 61, 40, 80, (10.3, 20.7, 20.9, 33.333)),
    (97, 61, 97, 61, (0, 0, 96.5, 61)),
    (32, 32, 32, 32, (4, 4, 28, 28)),
    (500, 375, 224, 224, (17, 30, 401, 330)),
]


def picture(width, height, channels):
    index = np.arange(width * height * channels, dtype=np.uint64)
    noise = ((index + 1) * 2654435761 % 2 ** 32 >> 24).astype(np.uint8)
    values = np.where(index // 50 % 3 == 0, noise, np.where(noise < 128, 0, 255)).astype(np.uint8)
    return values.reshape((height, width, channels)).squeeze(-1) if channels == 1 else values.reshape(height, width, 3)


cases = []
for width, height, to_width, to_height, box in CASES:
    for channels in (1, 3):
        image = Image.fromarray(picture(width, height, channels))
        for name in ("bilinear", "bicubic"):
            result = image.resize((to_width, to_height), Image.Resampling[name.upper()], box=box)
            cases.append({
                "width": width, "height": height, "channels": channels, "to_width": to_width, "to_height": to_height,
                "box": box, "filter": name, "crc": zlib.crc32(np.asarray(result).tobytes()),
            })
content = {"pillow": PIL.__version__, "cases": cases}
pathlib.Path(__file__).with_name("resized.json").write_text(json.dumps(content, separators=(",", ":")) + "\n")
