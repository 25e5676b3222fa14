import Declarations
import ImageCodecs

extension DataKeys {
    /// How encoded images are decoded, shown and normalised: for every data set of such images.
    static let encodedImages = [
        normalization, mean, standardDeviation, decode, orientation, maximumPixels, maximumBytes, onUnreadable,
        viewShortSide, interpolation,
    ]

    static let normalization = DeclaredKey(
        "normalization", default: "imagenet",
        "What pixels are normalised with. imagenet: mean and deviation of ImageNet, as torchvision's models; dataset: "
            + "those of the training images, over all pixels, computed once; numbers: data.mean and data.std.",
        choices: ["imagenet", "dataset", "numbers"], synonyms: "normalize standardize mean std transform")
    static let mean = DeclaredKey(
        "mean", default: ImageNetStatistics.mean, "Mean of each channel, where a pixel is 0 to 1.",
        limits: .between(0, 1), count: 1...3, synonyms: "normalize_mean image_mean"
    ) { $0["normalization"] == "numbers" }
    static let standardDeviation = DeclaredKey(
        "std", default: ImageNetStatistics.standardDeviation,
        "Standard deviation of each channel, where a pixel is 0 to 1.", limits: .positive(atMost: 10), count: 1...3,
        synonyms: "normalize_std image_std deviation"
    ) { $0["normalization"] == "numbers" }
    static let decode = DeclaredKey(
        "decode", default: "exact",
        "exact: every pixel of a JPEG is decoded, as Pillow does; fast: it is decoded at 1/2, 1/4 or 1/8 of its size "
            + "where that leaves as many pixels as the view has.", choices: ["exact", "fast"],
        synonyms: "draft dct_scaling decoder backend")
    static let orientation = DeclaredKey(
        "exif_orientation", default: false,
        "Turn images as EXIF says; torchvision and Pillow do not.", synonyms: "exif_transpose rotate auto_orient")
    static let maximumPixels = DeclaredKey(
        "max_pixels", default: ImageLimits().pixels, "An image of more pixels cannot be read. The default is Pillow's.",
        limits: .between(1, 1e12), synonyms: "decompression_bomb limit", isIdentity: false)
    static let maximumBytes = DeclaredKey(
        "max_bytes", default: ImageLimits().bytes, "A file of more bytes cannot be read.",
        limits: .between(1, 1e12), synonyms: "file_size limit", isIdentity: false)
    static let onUnreadable = DeclaredKey(
        "on_unreadable", default: "fail",
        "Files that cannot be read. fail: an error that names the file, when it is needed; skip: all files are read once "
            + "at the start, and those that cannot be are left out of every run alike.", choices: ["fail", "skip"],
        synonyms: "corrupt broken handler ignore_errors skip_corrupt")
    static let viewShortSide = DeclaredKey(
        "view_short_side", default: Int?.none,
        "Evaluations resize the short side of an image to this and cut out the centre; none: model.image_size × 256 / 224.",
        limits: .between(1, 65_536), synonyms: "resize resize_size crop_pct val_resize center_crop")
    static let interpolation = DeclaredKey(
        "interpolation", default: "bilinear",
        "How evaluations resize images, antialiased as Pillow does. Training crops are bilinear.",
        choices: Interpolation.allCases.map(\.rawValue), synonyms: "resample resize bicubic bilinear")
}

/// Of ImageNet's training images, as torchvision has them.
enum ImageNetStatistics {
    static let mean = [0.485, 0.456, 0.406]
    static let standardDeviation = [0.229, 0.224, 0.225]
}
