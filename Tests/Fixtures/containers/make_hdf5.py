"""Makes encoded.h5: pictures of ../images as arrays of bytes of variable length, and their classes; and photos.h5: JPEGs of
three classes in the same form, enough for a run.

    python3 make_hdf5.py     (h5py, NumPy and Pillow needed)
"""

import io
import pathlib

import h5py
import numpy as np
from PIL import Image, ImageDraw

here = pathlib.Path(__file__).parent
names = ["rgb8.png", "grey.jpg", "lossy.webp", "ycc-2x2.jpg"]


def write(file, split, pictures, labels):
    images = file.create_dataset(f"{split}/images", len(pictures), dtype=h5py.vlen_dtype(np.uint8))
    for place, picture in enumerate(pictures):
        images[place] = np.frombuffer(picture, np.uint8)
    file[f"{split}/labels"] = labels


def photo(number, label):
    """A shape in the colour of its class on a ground of its own, of one of three sizes."""
    width, height = [(40, 60), (60, 40), (33, 47)][number % 3]
    picture = Image.new("RGB", (width, height), (20 + 9 * number % 200, 90, 150))
    draw = ImageDraw.Draw(picture)
    draw.rectangle((4 + 6 * label, 3 + number % 5, 16 + 6 * label, 14 + 5 * label), fill=(60 + 80 * label, 40, 30))
    content = io.BytesIO()
    picture.save(content, "JPEG", quality=80)
    return content.getvalue()


with h5py.File(here / "encoded.h5", "w") as file:
    for split, chosen in [("train", names), ("test", names[:2])]:
        write(file, split, [(here.parent / "images" / name).read_bytes() for name in chosen], np.arange(len(chosen)) % 2)
    file["train/damaged"] = np.arange(4)
with h5py.File(here / "photos.h5", "w") as file:
    for split, numbers in [("train", range(24)), ("test", range(24, 36))]:
        write(file, split, [photo(number, number % 3) for number in numbers], np.arange(len(numbers)) % 3)
