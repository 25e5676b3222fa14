import Foundation

/// CIFAR-10 or CIFAR-100 (Krizhevsky 2009) in a folder, as its authors distribute it: https://www.cs.toronto.edu/~kriz/cifar.html
///
/// Images are 3 × 32 × 32 bytes: planes of red, green and blue, each row by row. The binary version and the pickled one
/// hold the same bytes in the same order.
package struct CIFARFolder: Sendable {
    package enum Kind: String, Sendable, CaseIterable {
        case ten = "CIFAR-10"
        case hundred = "CIFAR-100"

        var classCount: Int { self == .ten ? 10 : 100 }
    }

    package enum Form: Sendable, CaseIterable {
        case binary, pickled
    }

    package static let imageSize = 3 * 32 * 32
    /// CIFAR-100's coarse classes.
    static let coarseClassCount = 20

    package let kind: Kind
    package let form: Form
    /// Where the files lie.
    package let folder: String
    package let train: RecordSplit
    package let test: RecordSplit
    /// Names of the (fine) classes.
    package let classNames: [String]
    /// Names of CIFAR-100's coarse classes; none for CIFAR-10.
    package let coarseClassNames: [String]

    /// Opens the files in `folder`, or in the folder of the archive's name in it; the binary ones where both are there.
    ///
    /// - Throws: `DatasetError` for files that are missing or broken.
    package init(_ kind: Kind, folder: String) throws {
        let (place, form) = try Self.find(kind, in: folder)
        self.kind = kind
        self.form = form
        self.folder = place
        switch form {
        case .binary:
            let files = CIFARBinary(kind: kind, folder: place, remedy: Self.remedy(kind))
            (classNames, coarseClassNames) = try files.classNames()
            train = try files.split(Self.trainFiles(kind, form))
            test = try files.split(Self.testFiles(kind, form))
        case .pickled:
            let files = CIFARPickles(kind: kind, folder: place, remedy: Self.remedy(kind))
            (classNames, coarseClassNames) = try files.classNames()
            train = try files.split(Self.trainFiles(kind, form))
            test = try files.split(Self.testFiles(kind, form))
        }
    }

    static func remedy(_ kind: Kind) -> String {
        let archive =
            kind == .ten
            ? "cifar-10-binary.tar.gz or cifar-10-python.tar.gz" : "cifar-100-binary.tar.gz or cifar-100-python.tar.gz"
        return "unpack \(archive) again (tar xzf) and give the folder it makes"
    }

    /// The name of the folder in the archive.
    static func folderName(_ kind: Kind, _ form: Form) -> String {
        switch (kind, form) {
        case (.ten, .binary): "cifar-10-batches-bin"
        case (.ten, .pickled): "cifar-10-batches-py"
        case (.hundred, .binary): "cifar-100-binary"
        case (.hundred, .pickled): "cifar-100-python"
        }
    }

    static func trainFiles(_ kind: Kind, _ form: Form) -> [String] {
        let suffix = form == .binary ? ".bin" : ""
        return kind == .ten ? (1...5).map { "data_batch_\($0)\(suffix)" } : ["train\(suffix)"]
    }

    static func testFiles(_ kind: Kind, _ form: Form) -> [String] {
        let suffix = form == .binary ? ".bin" : ""
        return [(kind == .ten ? "test_batch" : "test") + suffix]
    }

    /// The files of the form that is there; of the binary one where none is.
    static func files(_ kind: Kind, in folder: String) -> [String] {
        let (place, form) = locate(kind, in: folder) ?? (folder, .binary)
        let names: [String] =
            switch (kind, form) {
            case (.ten, .binary): ["batches.meta.txt"]
            case (.ten, .pickled): ["batches.meta"]
            case (.hundred, .binary): ["fine_label_names.txt", "coarse_label_names.txt"]
            case (.hundred, .pickled): ["meta"]
            }
        return (trainFiles(kind, form) + testFiles(kind, form) + names).map {
            URL(fileURLWithPath: place).appendingPathComponent($0).path
        }
    }

    private static func find(_ kind: Kind, in folder: String) throws -> (String, Form) {
        if let found = locate(kind, in: folder) { return found }
        let wanted = Form.allCases.map { trainFiles(kind, $0)[0] }.joined(separator: " nor ")
        throw DatasetError(
            place: folder, problem: "holds no \(kind.rawValue): neither \(wanted) is there", remedy: remedy(kind))
    }

    private static func locate(_ kind: Kind, in folder: String) -> (String, Form)? {
        let root = URL(fileURLWithPath: folder)
        for form in Form.allCases {
            for place in [root, root.appendingPathComponent(folderName(kind, form))] {
                let first = place.appendingPathComponent(trainFiles(kind, form)[0]).path
                if FileManager.default.fileExists(atPath: first) { return (place.path, form) }
            }
        }
        return nil
    }
}
