"""How many training images a second torchvision's loader gives: ImageFolder, RandomResizedCrop, ToTensor, Normalize,
DataLoader; decoded by Pillow, and by torchvision.io.decode_jpeg with the crop on tensors.

    pip install torch torchvision
    python Tests/Performance/torchvision_loader.py FOLDER/train --workers 2
"""

import argparse
import os
import statistics
import time

import torch
import torchvision
from torchvision.io import ImageReadMode, decode_jpeg, read_file
from torchvision.transforms import v2

MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def pillow_transform() -> torchvision.transforms.Compose:
    transforms = torchvision.transforms
    return transforms.Compose([
        transforms.RandomResizedCrop(224), transforms.ToTensor(), transforms.Normalize(MEAN, DEVIATION)])


def tensor_transform() -> v2.Compose:
    return v2.Compose([
        v2.RandomResizedCrop(224, antialias=True), v2.ToDtype(torch.float32, scale=True),
        v2.Normalize(MEAN, DEVIATION)])


def decoded(path: str) -> torch.Tensor:
    return decode_jpeg(read_file(path), mode=ImageReadMode.RGB)


def processor_seconds(loader: torch.utils.data.DataLoader) -> float:
    """Of this process and of the loader's workers."""
    ticks = 0
    for process in ["self"] + [str(worker.pid) for worker in loader._iterator._workers]:
        fields = open(f"/proc/{process}/stat").read().rsplit(")", 1)[1].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def rate(folder: str, decoder: str, workers: int, batch: int, seconds: float) -> tuple[float, float]:
    """Images for each second, and for each second of processor time."""
    if decoder == "pillow":
        dataset = torchvision.datasets.ImageFolder(folder, pillow_transform())
    else:
        dataset = torchvision.datasets.ImageFolder(folder, tensor_transform(), loader=decoded)
    loader = torch.utils.data.DataLoader(
        dataset, batch, shuffle=True, num_workers=workers, drop_last=True, persistent_workers=True)
    count, start, used, first = 0, None, 0.0, True
    while True:
        for images, _ in loader:
            now = time.perf_counter()
            if start is None:
                continue
            count += images.shape[0]
            if now - start > seconds:
                return count / (now - start), count / (processor_seconds(loader) - used)
        # The first pass starts the workers, and brings the files into the system's cache.
        if first:
            start, used, first = time.perf_counter(), processor_seconds(loader), False


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    # Workers are processes with one thread each.
    torch.set_num_threads(1)
    print(f"torch {torch.__version__}, torchvision {torchvision.__version__}, {options.workers} workers")
    for decoder in ["pillow", "decode_jpeg"]:
        rates = [
            rate(options.folder, decoder, options.workers, options.batch, options.seconds)
            for _ in range(options.repeats)]
        wall, processor = zip(*rates)
        print(
            f"{decoder}: {statistics.median(wall):.0f} images/s ({', '.join(f'{r:.0f}' for r in wall)}); "
            f"{statistics.median(processor):.0f} for a second of processor time", flush=True)


if __name__ == "__main__":
    main()
