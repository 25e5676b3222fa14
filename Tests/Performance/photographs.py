"""Make a data set of photograph-like JPEGs for timing loaders, where ImageNet is not at hand.

Random parts of the photographs that scikit-image, scikit-learn and matplotlib carry, resized and flipped: 1,000 files in
ten class folders, on average 500×400 pixels and about 110 KB, as ImageNet's training images. Seeded: the same packages make
the same pictures.

    pip install scikit-image scikit-learn matplotlib pillow numpy
    python Tests/Performance/photographs.py FOLDER
"""

import argparse
import pathlib

import matplotlib
import numpy as np
import skimage
import sklearn
from PIL import Image


def photographs() -> list[Image.Image]:
    folders = [
        (pathlib.Path(skimage.__file__).parent / "data", ["astronaut.png", "chelsea.png", "coffee.png", "rocket.jpg"]),
        (pathlib.Path(sklearn.__file__).parent / "datasets" / "images", ["china.jpg", "flower.jpg"]),
        (pathlib.Path(matplotlib.__file__).parent / "mpl-data" / "sample_data", ["grace_hopper.jpg"]),
    ]
    paths = [folder / name for folder, names in folders for name in names if (folder / name).exists()]
    return [Image.open(path).convert("RGB") for path in paths]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--train", type=int, default=1000)
    parser.add_argument("--test", type=int, default=100)
    parser.add_argument("--quality", type=int, default=95)
    options = parser.parse_args()
    random = np.random.default_rng(0)
    sources = photographs()
    print(f"{len(sources)} photographs")
    for split, count in [("train", options.train), ("test", options.test)]:
        sizes = []
        for number in range(count):
            source = sources[int(random.integers(len(sources)))]
            # Three in four lie on their side.
            width, height = (500, int(random.integers(333, 440))) if random.random() < 0.75 else (400, 540)
            scale = random.uniform(0.55, 1.0) * min(source.width / width, source.height / height)
            part = (scale * width, scale * height)
            left = random.uniform(0, source.width - part[0])
            top = random.uniform(0, source.height - part[1])
            picture = source.resize(
                (width, height), Image.Resampling.BICUBIC, box=(left, top, left + part[0], top + part[1]))
            # What interpolation has smoothed, a sensor would have as noise.
            values = np.asarray(picture, np.float32) + random.normal(0, 4, (height, width, 1)).astype(np.float32)
            picture = Image.fromarray(np.clip(values.round(), 0, 255).astype(np.uint8))
            if random.random() < 0.5:
                picture = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
            path = options.folder / split / f"class{number % 10}" / f"{number:05}.jpg"
            path.parent.mkdir(parents=True, exist_ok=True)
            picture.save(path, quality=options.quality)
            sizes.append(path.stat().st_size)
        print(f"{split}: {count} files of {np.mean(sizes) / 1000:.0f} KB on average")


if __name__ == "__main__":
    main()
