"""Makes encoded.h5: pictures of ../images as arrays of bytes of variable length, and their classes.

    python3 make_hdf5.py     (h5py and NumPy needed)
"""

import pathlib

import h5py
import numpy as np

here = pathlib.Path(__file__).parent
names = ["rgb8.png", "grey.jpg", "lossy.webp", "ycc-2x2.jpg"]
with h5py.File(here / "encoded.h5", "w") as file:
    for split, chosen in [("train", names), ("test", names[:2])]:
        images = file.create_dataset(f"{split}/images", len(chosen), dtype=h5py.vlen_dtype(np.uint8))
        for place, name in enumerate(chosen):
            images[place] = np.fromfile(here.parent / "images" / name, np.uint8)
        file[f"{split}/labels"] = np.arange(len(chosen)) % 2
    file["train/damaged"] = np.arange(4)
