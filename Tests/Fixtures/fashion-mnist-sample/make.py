#!/usr/bin/env python3
"""Draws the class-balanced sample of Fashion-MNIST that the tests and the smoke experiment use.

Reads the four files of Debian's package dataset-fashion-mnist and writes 2,000 training and 500 test images beside
itself, in the order of the original files. Needs nothing but Python's standard library.
Usage: make.py [SOURCE_FOLDER]
"""

import gzip
import pathlib
import random
import struct
import sys

SEED = 0
CLASSES = 10


def read(path):
    with gzip.open(path, "rb") as file:
        data = file.read()
    dimensions = data[3]
    shape = struct.unpack(f">{dimensions}I", data[4 : 4 + 4 * dimensions])
    return data[:4], shape, data[4 + 4 * dimensions :]


def write(path, magic, shape, content):
    # No name and no time in the header, so that the same content makes the same file.
    with open(path, "wb") as file, gzip.GzipFile("", "wb", 9, file, mtime=0) as packed:
        packed.write(magic + struct.pack(f">{len(shape)}I", *shape) + content)


def sample(source, target, split, count):
    image_magic, image_shape, images = read(source / f"{split}-images-idx3-ubyte.gz")
    label_magic, label_shape, labels = read(source / f"{split}-labels-idx1-ubyte.gz")
    assert image_shape[0] == label_shape[0] == len(labels)
    generator = random.Random(f"{SEED} {split}")
    chosen = []
    for label in range(CLASSES):
        members = [index for index, value in enumerate(labels) if value == label]
        # Sorting by random() does not depend on how a Python version shuffles.
        chosen += sorted(members, key=lambda _: generator.random())[: count // CLASSES]
    chosen.sort()
    size = image_shape[1] * image_shape[2]
    write(
        target / f"{split}-images-idx3-ubyte.gz",
        image_magic,
        (count, *image_shape[1:]),
        b"".join(images[index * size : (index + 1) * size] for index in chosen),
    )
    write(
        target / f"{split}-labels-idx1-ubyte.gz", label_magic, (count,), bytes(labels[index] for index in chosen)
    )


if __name__ == "__main__":
    folder = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "/usr/share/datasets/fashion-mnist")
    here = pathlib.Path(__file__).resolve().parent
    sample(folder, here, "train", 2000)
    sample(folder, here, "t10k", 500)
