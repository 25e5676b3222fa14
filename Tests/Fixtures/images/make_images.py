#!/usr/bin/env python3
"""Writes the pictures of this folder and expected.json: what Pillow makes of them.

Made with Pillow 13.0.0 (libjpeg-turbo 3.2.0, libwebp 1.6.0, zlib-ng 2.3.3), NumPy 2.4.6, and jpegtran and cjpeg of
libjpeg-turbo 2.1.5 (Debian: libjpeg-turbo-progs) for what Pillow cannot write. Run it in any folder:

    python3 -m venv venv && venv/bin/pip install pillow==13.0.0 numpy && venv/bin/python make_images.py

expected.json has for each file the size and what convert("RGB") gives: where decoders may differ a little, the place of
its pixels [height, width, 3] in expected.bin, else the CRC-32 of them. convert("L") of each is the luma of these pixels,
which is checked here. Values of 16 bits are v / 257 rounded instead, which Pillow cuts off or limits to 255.
"""

import base64
import io
import json
import pathlib
import struct
import subprocess
import zlib

import numpy as np
import PIL
from PIL import Image, ImageOps

HERE = pathlib.Path(__file__).parent
random = np.random.default_rng(12)
expected = {}
pixels = bytearray()


def scene(width, height, seed=0):
    """A colourful picture with edges and gradients, uint8 [height, width, 3]."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float64)
    u, v = x / max(width, 2), y / max(height, 2)
    picture = np.stack([255 * u, 255 * v, 127 + 127 * np.sin(9 * u + 7 * v + seed)], axis=-1)
    disc = (u - 0.4) ** 2 + (v - 0.6) ** 2 < 0.05
    picture[disc] = [240, 30, 20]
    bars = (x // 3 + y // 5) % 4 == 0
    picture[bars & (u > 0.6)] = [10, 60, 250]
    noise = np.random.default_rng(seed).normal(0, 6, picture.shape)
    return np.clip(picture + noise, 0, 255).astype(np.uint8)


def luma(rgb):
    return ((rgb @ np.array([19595, 38470, 7471]) + 0x8000) >> 16).astype(np.uint8)


def record(name, rgb=None, exact=False):
    """Notes what Pillow makes of a file, or what is given instead."""
    if rgb is None:
        with Image.open(HERE / name) as image:
            rgb = np.asarray(image.convert("RGB"))
        with Image.open(HERE / name) as image:
            assert (np.asarray(image.convert("L")) == luma(rgb)).all(), name
    data = rgb.tobytes()
    entry = {"width": rgb.shape[1], "height": rgb.shape[0]}
    if exact:
        entry["crc"] = zlib.crc32(data)
    else:
        entry["offset"] = len(pixels)
        pixels.extend(data)
    expected[name] = entry


def save(name, image, is_exact=False, **options):
    image.save(HERE / name, **options)
    record(name, exact=is_exact)


def tool(name, arguments, data, note=True):
    (HERE / name).write_bytes(subprocess.run(arguments, input=data, stdout=subprocess.PIPE, check=True).stdout)
    if note:
        record(name)


def ppm(pixels):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PPM")
    return file.getvalue()


def jpegs():
    photo = scene(43, 29)
    image = Image.fromarray(photo)
    save("grey.jpg", image.convert("L"), quality=85)
    save("one.jpg", Image.fromarray(scene(1, 1)))
    for sampling in ("1x1", "2x1", "1x2", "2x2", "4x1", "4x2", "1x4", "2x4", "3x1"):
        tool(f"ycc-{sampling}.jpg", ["cjpeg", "-quality", "90", "-sample", sampling], ppm(photo))
    # Chroma that is finer than luma, and components of three different fractions.
    tool("ycc-odd.jpg", ["cjpeg", "-quality", "90", "-sample", "1x1,2x2,1x2"], ppm(photo))
    tool("odd-size.jpg", ["cjpeg", "-quality", "75", "-sample", "2x2"], ppm(scene(17, 33)))
    tool("narrow.jpg", ["cjpeg", "-sample", "2x2"], ppm(scene(1, 40)))
    tool("flat.jpg", ["cjpeg", "-sample", "2x1"], ppm(scene(40, 1)))
    tool("rgb.jpg", ["cjpeg", "-quality", "90", "-rgb"], ppm(photo))
    tool("progressive.jpg", ["cjpeg", "-progressive", "-sample", "2x2"], ppm(photo))
    tool("progressive-444.jpg", ["cjpeg", "-progressive", "-sample", "1x1"], ppm(photo))
    tool("progressive-grey.jpg", ["cjpeg", "-progressive", "-grayscale"], ppm(photo))
    tool("arithmetic.jpg", ["cjpeg", "-arithmetic", "-sample", "2x2"], ppm(photo))
    tool("arithmetic-progressive.jpg", ["cjpeg", "-arithmetic", "-progressive"], ppm(photo))
    tool("restart.jpg", ["cjpeg", "-restart", "2B", "-sample", "2x2"], ppm(photo))
    # Without the last scans, which decoders smooth over.
    for name in ("progressive", "progressive-grey", "progressive-444"):
        data = (HERE / f"{name}.jpg").read_bytes()
        second = [place for place in range(len(data)) if data[place:place + 2] == b"\xff\xda"][1]
        # The tables between two scans belong to the second.
        end = data.rindex(b"\xff\xc4", 0, second)
        (HERE / f"incomplete-{name}.jpg").write_bytes(data[:end] + b"\xff\xd9")
    # Larger, so that regions begin far from the edges.
    for sampling in ("1x1", "2x1", "1x2", "2x2", "4x1"):
        tool(f"large-{sampling}.jpg", ["cjpeg", "-quality", "60", "-sample", sampling], ppm(scene(151, 117, 3)), False)
    tool("large-progressive.jpg", ["cjpeg", "-quality", "60", "-progressive"], ppm(scene(151, 117, 3)), False)
    cmyk = Image.fromarray(np.dstack([scene(45, 30, 5), scene(45, 30, 6)[..., 0]]), "CMYK")
    # Pillow writes CMYK with Adobe's marker, transform 0, inverted.
    save("cmyk.jpg", cmyk, quality=90)
    data = bytearray((HERE / "cmyk.jpg").read_bytes())
    place = data.index(b"Adobe") - 4
    length = 2 + struct.unpack(">H", data[place + 2:place + 4])[0]
    (HERE / "cmyk-unmarked.jpg").write_bytes(data[:place] + data[place + length:])
    record("cmyk-unmarked.jpg")
    # The same numbers, called YCCK.
    data[place + 15] = 2
    (HERE / "ycck.jpg").write_bytes(data)
    record("ycck.jpg")


def orientations():
    image = Image.fromarray(scene(19, 14, 9))
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[0x0112] = orientation
        # Little-endian as Pillow writes it, and big-endian as many cameras do.
        name = f"orientation-{orientation}.jpg"
        data = exif.tobytes()
        if orientation % 2 == 0:
            data = b"Exif\0\0MM\0*" + struct.pack(">IHHHIHHI", 8, 1, 0x0112, 3, 1, orientation, 0, 0)
        image.save(HERE / name, exif=data, quality=90, subsampling=2)
        with Image.open(HERE / name) as stored:
            upright = ImageOps.exif_transpose(stored)
        record(name, np.asarray(upright.convert("RGB")))
    exif = Image.Exif()
    exif[0x0112] = 6
    save("orientation-6.png", Image.fromarray(scene(12, 9, 9)), True, exif=exif)
    save("orientation-6.webp", Image.fromarray(scene(12, 9, 9)), True, exif=exif, lossless=True)


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))


def png(name, values, depth, color, interlaced=False, extra=()):
    """Writes a PNG by hand: `values` [height, width, channels], of `depth` bits each. Every filter is used."""
    values = np.asarray(values)
    height, width, channels = values.shape

    def rows(part):
        lines = []
        step = max(1, depth * channels // 8)
        before = None
        for number, row in enumerate(part):
            if depth == 16:
                line = row.astype(">u2").tobytes()
            elif depth == 8:
                line = row.astype(np.uint8).tobytes()
            else:
                bits = "".join(format(int(value), f"0{depth}b") for value in row.reshape(-1))
                bits += "0" * (-len(bits) % 8)
                line = bytes(int(bits[i:i + 8], 2) for i in range(0, len(bits), 8))
            above = before or bytes(len(line))
            left = bytes(step) + line[:-step] if len(line) >= step else bytes(len(line))
            corner = bytes(step) + above[:-step]
            kind = number % 5

            def paeth(a, b, c):
                p = a + b - c
                return min((abs(p - a), 0, a), (abs(p - b), 1, b), (abs(p - c), 2, c))[2]

            predicted = [
                (0, a, b, (a + b) // 2, paeth(a, b, c))[kind] for a, b, c in zip(left, above, corner)
            ]
            lines.append(bytes([kind]) + bytes((v - p) % 256 for v, p in zip(line, predicted)))
            before = line
        return b"".join(lines)

    if interlaced:
        parts = [values[y::dy, x::dx] for x, y, dx, dy in ADAM7]
        data = b"".join(rows(part) for part in parts if part.size)
    else:
        data = rows(values)
    header = struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, int(interlaced))
    body = b"".join(chunk(kind, content) for kind, content in extra)
    data = zlib.compress(data, 9)
    half = len(data) // 2
    (HERE / name).write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + body + chunk(b"IDAT", data[:half])
        + chunk(b"IDAT", data[half:]) + chunk(b"IEND", b""))
    if depth == 16:
        eight = np.round(values / 257).astype(np.uint8)
        record(name, np.repeat(eight[..., :1], 3, axis=2) if color in (0, 4) else eight[..., :3], exact=True)
    else:
        record(name, exact=True)


def pngs():
    shape = (19, 23)
    for interlaced, mark in ((False, ""), (True, "-interlaced")):
        for depth in (1, 2, 4, 8, 16):
            png(f"grey{depth}{mark}.png", random.integers(0, 2 ** depth, (*shape, 1)), depth, 0, interlaced)
        for depth in (8, 16):
            png(f"rgb{depth}{mark}.png", random.integers(0, 2 ** depth, (*shape, 3)), depth, 2, interlaced)
            png(f"rgba{depth}{mark}.png", random.integers(0, 2 ** depth, (*shape, 4)), depth, 6, interlaced)
            png(f"grey-alpha{depth}{mark}.png", random.integers(0, 2 ** depth, (*shape, 2)), depth, 4, interlaced)
        for depth in (1, 2, 4, 8):
            colors = random.integers(0, 256, 3 * 2 ** depth, dtype=np.uint8).tobytes()
            clear = random.integers(0, 256, 2 ** depth, dtype=np.uint8).tobytes()
            png(f"palette{depth}{mark}.png", random.integers(0, 2 ** depth, (*shape, 1)), depth, 3, interlaced,
                [(b"PLTE", colors), (b"tRNS", clear)])
    # Colours that count as transparent; they stay what they are.
    png("grey8-key.png", random.integers(0, 4, (*shape, 1)), 8, 0, extra=[(b"tRNS", b"\0\1")])
    png("grey4-key.png", random.integers(0, 16, (*shape, 1)), 4, 0, extra=[(b"tRNS", b"\0\1")])
    png("rgb8-key.png", random.integers(0, 2, (*shape, 3)), 8, 2, extra=[(b"tRNS", b"\0\1\0\0\0\1")])
    # A gamma, a colour space and a text change nothing.
    png("gamma.png", random.integers(0, 256, (*shape, 3)), 8, 2, extra=[
        (b"gAMA", struct.pack(">I", 100000)), (b"sRGB", b"\0"), (b"tEXt", b"Title\0nothing")])
    png("one.png", [[[200, 100, 50]]], 8, 2)
    png("one-interlaced.png", [[[1]]], 1, 0, True)
    # Fewer colours than the indices count.
    png("palette-short.png", [[[0], [1], [2], [3]]], 8, 3, extra=[(b"PLTE", bytes([10, 20, 30, 40, 50, 60]))])


def webps():
    photo = Image.fromarray(scene(43, 29))
    alpha = Image.fromarray(np.dstack([scene(41, 29, 7), random.integers(0, 256, (29, 41), dtype=np.uint8)]))
    save("lossy.webp", photo, quality=80)
    Image.fromarray(scene(151, 117, 3)).save(HERE / "lossy-large.webp", quality=60)
    save("lossless.webp", photo, True, lossless=True)
    save("lossy-alpha.webp", alpha, quality=80)
    save("lossless-alpha.webp", alpha, True, lossless=True, exact=True)
    save("one.webp", Image.fromarray(scene(1, 1)))
    frames = [Image.fromarray(scene(16, 16, seed)) for seed in (1, 2)]
    frames[0].save(HERE / "animation.webp", save_all=True, append_images=frames[1:])


def others():
    """Files that are no pictures for this program."""
    image = Image.fromarray(scene(8, 8))
    made = {}
    for name, kind in (("BMP", "bmp"), ("GIF", "gif"), ("TIFF", "tiff"), ("AVIF", "avif"), ("JPEG2000", "jp2"),
                       ("PPM", "ppm"), ("ICO", "ico"), ("QOI", "qoi")):
        file = io.BytesIO()
        image.save(file, name)
        made[kind] = base64.b64encode(file.getvalue()[:512]).decode()
    (HERE / "others.json").write_text(json.dumps(made, indent=1) + "\n")


for old in [*HERE.glob("*.jpg"), *HERE.glob("*.png"), *HERE.glob("*.webp")]:
    old.unlink()
jpegs()
orientations()
pngs()
webps()
others()
content = {"pillow": PIL.__version__, "files": expected}
(HERE / "expected.bin").write_bytes(pixels)
(HERE / "expected.json").write_text(json.dumps(content, indent=0) + "\n")
print(sum(path.stat().st_size for path in HERE.iterdir()), "bytes")
