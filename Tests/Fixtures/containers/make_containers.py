"""Makes the small files of this folder: pickles of CIFAR's form at every protocol, and tar archives.

    python3 make_containers.py     (NumPy needed)

Images are made by a formula that the tests know: byte k of image i is (7 i + k + k // 256) mod 251.
"""

import io
import pickle
import tarfile

import numpy as np

COUNT = 2
pixels = np.array(
    [[(7 * i + k + k // 256) % 251 for k in range(3072)] for i in range(COUNT)], dtype=np.uint8
)


def batch(names):
    return {
        b"batch_label": b"training batch 1 of 5",
        b"labels": [3, 9],
        b"data": pixels,
        b"filenames": names,
        b"many": list(range(-300, 300)) + [2**40, -(2**70), 1.5, True, None, (1, (2, 3), "ä"), {"k": []}],
    }


for protocol in range(6):
    with open(f"batch-protocol-{protocol}.pickle", "wb") as file:
        pickle.dump(batch([b"one.png", b"two.png"]), file, protocol=protocol)


def add(archive, name, content, **attributes):
    member = tarfile.TarInfo(name)
    member.size = len(content)
    for key, value in attributes.items():
        setattr(member, key, value)
    archive.addfile(member, io.BytesIO(content))


long_name = "a-folder/" * 20 + "picture.jpg"
formats = {"ustar": tarfile.USTAR_FORMAT, "gnu": tarfile.GNU_FORMAT, "pax": tarfile.PAX_FORMAT}
for name, form in formats.items():
    with tarfile.open(f"{name}.tar", "w", format=form) as archive:
        folder = tarfile.TarInfo("./train")
        folder.type = tarfile.DIRTYPE
        archive.addfile(folder)
        add(archive, "./train/0 a.JPG", b"first image")
        add(archive, "./train/0 a.cls", b"7\n")
        add(archive, "./train/1.jpg", b"x" * 513)
        add(archive, "./train/1.cls", b"2")
        link = tarfile.TarInfo("./train/link.jpg")
        link.type = tarfile.SYMTYPE
        link.linkname = "1.jpg"
        archive.addfile(link)
        if name != "ustar":
            add(archive, long_name, b"far away")
            add(archive, "train/ü.jpg", b"")
        else:
            add(archive, "b" * 80 + "/" + "c" * 60 + ".jpg", b"far away")
