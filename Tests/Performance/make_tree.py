#!/usr/bin/env python3
"""Makes class folders of very many small PNG files, for measuring how fast a large data set is opened.

    make_tree.py FOLDER [training images] [classes]

writes FOLDER/train and FOLDER/test (a hundredth as many images). The files are links to a few hundred: what is measured is
names, folders and times, and the disk need not hold two million pictures.
"""

import os
import struct
import sys
import zlib


def png(shade):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\0" + bytes([shade, x % 256, 90]) * 8 for x in range(8))
    head = struct.pack(">IIBBBBB", 8, 8, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def main():
    root = sys.argv[1]
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 2_000_000
    classes = int(sys.argv[3]) if len(sys.argv) > 3 else 1000
    os.makedirs(root + "/files", exist_ok=True)
    # A file may have some ten thousand names on most file systems.
    files = []
    for number in range(max(1, count // 10_000 + 1)):
        files.append(f"{root}/files/{number}.png")
        with open(files[-1], "wb") as file:
            file.write(png(number % 256))
    made = 0
    for split, images in (("train", count), ("test", count // 100)):
        for number in range(classes):
            folder = f"{root}/{split}/n{number:08}"
            os.makedirs(folder, exist_ok=True)
            for image in range(images * number // classes, images * (number + 1) // classes):
                os.link(files[made % len(files)], f"{folder}/n{number:08}_{image}.png")
                made += 1


if __name__ == "__main__":
    main()
