/// Pickles as Python 2 wrote those of CIFAR.
package enum PythonPickle {
    private static func text(_ text: String) -> [UInt8] { Array(text.utf8) }

    private static func string(_ bytes: [UInt8]) -> [UInt8] {
        bytes.count < 256
            ? [0x55, UInt8(bytes.count)] + bytes
            : [0x54] + (0..<4).map { UInt8(truncatingIfNeeded: bytes.count >> (8 * $0)) } + bytes
    }

    private static func array(_ pixels: [UInt8], count: Int) -> [UInt8] {
        var bytes: [UInt8] = text("cnumpy.core.multiarray\n_reconstruct\nq\u{01}cnumpy\nndarray\nq\u{02}K")
        bytes += [0, 0x85, 0x71, 3] + string(text("b")) + [0x87, 0x52, 0x71, 4]
        bytes += [0x28, 0x4B, 1, 0x4D, UInt8(count & 255), UInt8(count >> 8), 0x4D, 0x00, 0x0C, 0x86]
        bytes += text("cnumpy\ndtype\n") + string(text("u1")) + [0x4B, 0, 0x4B, 1, 0x87, 0x52]
        bytes += [0x28, 0x4B, 3] + string(text("|")) + [0x4E, 0x4E, 0x4E]
        bytes += [0x4A, 0xFF, 0xFF, 0xFF, 0xFF, 0x4A, 0xFF, 0xFF, 0xFF, 0xFF, 0x4B, 0, 0x74, 0x62]
        bytes += [0x89] + string(pixels) + [0x74, 0x62]
        return bytes
    }

    /// A batch of CIFAR: `data`, 3,072 bytes for each label, and the labels under each of `keys`.
    package static func batch(labels: [Int], pixels: [UInt8], keys: [String] = ["labels"]) -> [UInt8] {
        var bytes: [UInt8] = [0x80, 2, 0x7D, 0x71, 0, 0x28]
        for key in keys {
            bytes += string(text(key)) + [0x5D, 0x28] + labels.flatMap { [0x4B, UInt8($0)] } + [0x65]
        }
        return bytes + string(text("data")) + array(pixels, count: labels.count) + [0x75, 0x2E]
    }

    /// A dictionary of lists of strings.
    package static func names(_ lists: [String: [String]]) -> [UInt8] {
        var bytes: [UInt8] = [0x80, 2, 0x7D, 0x28]
        for (key, names) in lists {
            bytes += string(text(key)) + [0x5D, 0x28] + names.flatMap { string(text($0)) } + [0x65]
        }
        return bytes + [0x75, 0x2E]
    }
}

/// Small CIFAR-10 folders: six files of a few images each, binary or pickled, of the same pixels and labels.
package enum SmallCIFAR {
    package static let names = (0..<10).map { "class \($0)" }

    /// Byte `place` of image `image`; no two images are equal.
    package static func pixel(_ image: Int, _ place: Int) -> UInt8 {
        UInt8((37 * image + place + place / 256 + (place / 32 % 7) * image) % 251)
    }

    package static func pixels(_ image: Int) -> [UInt8] { (0..<3072).map { pixel(image, $0) } }

    /// - Parameter images: In each of the five training files and in the test file.
    /// - Returns: Contents by name of the file.
    package static func binary(images: Int) -> [String: [UInt8]] {
        var files = ["batches.meta.txt": Array((names.joined(separator: "\n") + "\n\n").utf8)]
        for batch in 0..<6 {
            files[batch == 5 ? "test_batch.bin" : "data_batch_\(batch + 1).bin"] = (0..<images).flatMap {
                [UInt8(($0 + batch) % 10)] + pixels(images * batch + $0)
            }
        }
        return files
    }

    package static func pickled(images: Int) -> [String: [UInt8]] {
        var files = ["batches.meta": PythonPickle.names(["label_names": names])]
        for batch in 0..<6 {
            files[batch == 5 ? "test_batch" : "data_batch_\(batch + 1)"] = PythonPickle.batch(
                labels: (0..<images).map { ($0 + batch) % 10 },
                pixels: (0..<images).flatMap { pixels(images * batch + $0) })
        }
        return files
    }
}
