/// CIFAR-100's files with few images in each; the pixels are those of `SmallCIFAR`.
package enum SmallCIFAR100 {
    package static let fine = (0..<100).map { "fine \($0)" }
    package static let coarse = (0..<20).map { "coarse \($0)" }

    /// - Parameter images: In each split: image i is of coarse class i and of fine class 99 − i.
    /// - Returns: Contents by name of the file.
    package static func binary(images: Int) -> [String: [UInt8]] {
        let records = (0..<images).flatMap { [UInt8($0), UInt8(99 - $0)] + SmallCIFAR.pixels($0) }
        return [
            "fine_label_names.txt": Array(fine.joined(separator: "\n").utf8),
            "coarse_label_names.txt": Array(coarse.joined(separator: "\n").utf8), "train.bin": records,
            "test.bin": records,
        ]
    }
}

/// STL-10's files with few images: three to train on, two to test, four without labels.
package enum SmallSTL {
    /// Byte `place` of image `image`, in the order of the file.
    package static func pixel(_ image: Int, _ place: Int) -> UInt8 { UInt8((image * 31 + place + place / 96) % 253) }

    private static func images(_ numbers: ClosedRange<Int>) -> [UInt8] {
        numbers.flatMap { image in (0..<3 * 96 * 96).map { pixel(image, $0) } }
    }

    /// Contents by name of the file.
    package static func files(unlabeled: Bool = true) -> [String: [UInt8]] {
        var files = [
            "train_X.bin": images(0...2), "train_y.bin": [1, 10, 3], "test_X.bin": images(3...4), "test_y.bin": [5, 6],
            "class_names.txt": Array((0..<10).map { "class \($0)" }.joined(separator: "\n").utf8),
        ]
        if unlabeled { files["unlabeled_X.bin"] = images(5...8) }
        return files
    }
}
