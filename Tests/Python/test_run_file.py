"""Reads a run file with h5py, and writes a file that the Swift tests read.

The environment names the files: RUN_FILE was written by Swift (Tests/RunStoreTests/SampleRun.swift), PYTHON_FILE is
written here. `RunFileWithoutPlugin` needs only h5py, numpy and libzstd and unpacks chunks itself, so that it checks the
stored bytes; `RunFileWithPlugin` reads and writes through hdf5plugin, as a researcher would.
"""

import ctypes
import ctypes.util
import json
import os
import sys
import unittest

try:
    import h5py
    import numpy as np
except ImportError as error:
    sys.exit(f"{error}: install python3-h5py and python3-numpy, or run make test")

ZSTD = 32015
ROWS, WIDTH, SPECTRUM = 600, 48, 2048


def embedding(step):
    return (((np.arange(ROWS * WIDTH) * 7 + step) % 1009) / np.float32(16) - np.float32(20)).reshape(ROWS, WIDTH)


def filter_ids(dataset):
    plist = dataset.id.get_create_plist()
    return [plist.get_filter(i)[0] for i in range(plist.get_nfilters())]


def write_common(file):
    """Everything but the compressed array."""
    file.attrs["title"] = "größe"
    file.attrs["fixed"] = np.bytes_("abc")
    file.attrs["count"] = 5
    file.attrs["ratios"] = [0.5, 0.25]
    file.create_dataset("words", data=["eins", "zwölf"], dtype=h5py.string_dtype())
    file["bytes"] = np.array([b"eins", b"drei"])
    file["integers"] = np.array([1, -2, 3], dtype=np.int16)


RAMP = (np.arange(12000) / 8).astype(np.float32).reshape(300, 40)


class Common:
    """What holds with and without a plugin."""

    def setUp(self):
        self.file = h5py.File(os.environ["RUN_FILE"], "r")
        self.addCleanup(self.file.close)

    def test_identity(self):
        attributes = self.file.attrs
        self.assertEqual(attributes["format"], "cjepa-exp run")
        self.assertEqual(attributes["format_version"], 1)
        self.assertEqual(attributes["experiment"], "größe")
        self.assertEqual(attributes["arm"], "vicreg.ema")
        self.assertEqual(attributes["seed"], 3)
        self.assertEqual(attributes["configuration_hash"], "ab" * 32)
        self.assertEqual(attributes["status"], "done")

    def test_configuration(self):
        configuration = json.loads(self.file["configuration"][()])
        self.assertEqual(configuration["model"]["width"], WIDTH)
        self.assertEqual(configuration["model"]["mlp_ratio"], 4)
        self.assertEqual(configuration["resources"]["memory_gib"], 1.5)
        self.assertEqual(configuration["objective"]["vicreg"]["weight"], 0.001)
        self.assertEqual(configuration["data"]["train_subset"], 2000)

    def test_provenance(self):
        provenance = self.file["provenance"].attrs
        self.assertEqual(provenance["source_revision"], "0123abcd")
        self.assertEqual(provenance["threads"], 2)

    def test_steps(self):
        steps = self.file["steps"]
        self.assertEqual(list(steps.attrs["columns"]), ["step", "epoch", "loss", "learning_rate"])
        np.testing.assert_array_equal(steps["step"][:], np.arange(1, 9))
        np.testing.assert_array_equal(steps["loss"][:], 1 / np.arange(1, 9))
        self.assertEqual(steps["loss"].dtype, np.float64)
        self.assertEqual(steps["epoch"].attrs["unit"], "epoch")
        self.assertIn("prediction_loss", steps["loss"].attrs["convention"])
        self.assertEqual(steps.attrs["NX_class"], "NXdata")
        self.assertEqual(filter_ids(steps["loss"]), [3])

    def test_evaluation(self):
        table = self.file["evaluation/target"]
        np.testing.assert_array_equal(table["step"][:], [0, 4, 8])
        np.testing.assert_allclose(table["knn_20"][:], [0.5, 0.54, 0.58], rtol=1e-15)
        self.assertEqual(table["knn_20"].attrs["unit"], "fraction")
        spectrum = [0, 4, 8] + np.arange(SPECTRUM, 0, -1)[:, None]
        np.testing.assert_array_equal(table["singular_values"][:], spectrum.T)
        self.assertEqual(table.attrs["n_test"], ROWS)

    def test_embeddings(self):
        group = self.file["embeddings/target"]
        self.assertEqual(sorted(group), ["step_0", "step_4", "step_8"])
        for step in (0, 4, 8):
            dataset = group[f"step_{step}"]
            self.assertEqual((dataset.shape, dataset.dtype), ((ROWS, WIDTH), np.float32))
            self.assertEqual(filter_ids(dataset), [2, ZSTD, 3])
            np.testing.assert_array_equal(self.read(dataset), embedding(step))
        np.testing.assert_array_equal(self.file["embeddings/labels"][:], np.arange(ROWS) % 10)
        self.assertEqual(list(self.file["embeddings/labels"].attrs["classes"]), ["shirt", "größe"])


class RunFileWithoutPlugin(Common, unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        name = ctypes.util.find_library("zstd") or "libzstd.so.1"
        cls.zstd = ctypes.CDLL(name)
        for function in ("ZSTD_decompress", "ZSTD_compress", "ZSTD_compressBound"):
            getattr(cls.zstd, function).restype = ctypes.c_size_t

    def read(self, dataset):
        """Unpacks every chunk by hand: a checksum at the end, one zstd frame, then the bytes of elements back in order."""
        result = np.empty(dataset.shape, dataset.dtype)
        size = int(np.prod(dataset.chunks)) * dataset.dtype.itemsize
        for start in range(0, dataset.shape[0], dataset.chunks[0]):
            mask, packed = dataset.id.read_direct_chunk((start, 0))
            self.assertEqual(mask, 0)
            packed = packed[:-4]
            buffer = ctypes.create_string_buffer(size)
            count = self.zstd.ZSTD_decompress(
                buffer, ctypes.c_size_t(size), packed, ctypes.c_size_t(len(packed)))
            self.assertEqual(count, size)
            planes = np.frombuffer(buffer.raw, np.uint8).reshape(dataset.dtype.itemsize, -1)
            chunk = np.ascontiguousarray(planes.T).view(dataset.dtype).reshape(dataset.chunks)
            rows = min(dataset.chunks[0], dataset.shape[0] - start)
            result[start:start + rows] = chunk[:rows]
        return result

    def test_writes_for_swift(self):
        with h5py.File(os.environ["PYTHON_FILE"], "w") as file:
            write_common(file)
            group = file.create_group("embeddings")
            plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
            plist.set_chunk((100, 40))
            # Optional, because this h5py does not know the filter: chunks are packed here.
            plist.set_filter(ZSTD, h5py.h5z.FLAG_OPTIONAL, (3,))
            dataset = h5py.h5d.create(
                group.id, b"ramp", h5py.h5t.IEEE_F32LE, h5py.h5s.create_simple(RAMP.shape), plist)
            for start in range(0, 300, 100):
                plain = RAMP[start:start + 100].tobytes()
                buffer = ctypes.create_string_buffer(
                    self.zstd.ZSTD_compressBound(ctypes.c_size_t(len(plain))))
                count = self.zstd.ZSTD_compress(
                    buffer, ctypes.c_size_t(len(buffer)), plain, ctypes.c_size_t(len(plain)), 3)
                dataset.write_direct_chunk((start, 0), buffer.raw[:count])


class RunFileWithPlugin(Common, unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        import hdf5plugin

        cls.plugin = hdf5plugin
        if not h5py.h5z.filter_avail(ZSTD):
            raise RuntimeError(
                f"{hdf5plugin.__file__} has no zstd (Debian's package lacks it): pip install hdf5plugin, or make test")

    def read(self, dataset):
        return dataset[:]

    def test_writes_for_swift(self):
        with h5py.File(os.environ["PYTHON_FILE"], "w") as file:
            write_common(file)
            file.create_dataset(
                "embeddings/ramp", data=RAMP, chunks=(64, 40), shuffle=True, **self.plugin.Zstd(clevel=9))
            self.assertIn(ZSTD, filter_ids(file["embeddings/ramp"]))


if __name__ == "__main__":
    unittest.main()
