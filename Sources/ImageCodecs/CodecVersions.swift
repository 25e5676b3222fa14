import CImageCodecs
import CWebP

/// Versions of the libraries that decode pictures, on which pixels depend.
package enum CodecVersions {
    package static var jpeg: String { unsafe String(cString: cimage_jpeg_version()) }
    package static var png: String { unsafe String(cString: cimage_png_version()) }
    /// "1.2.4".
    package static var webp: String {
        let number = WebPGetDecoderVersion()
        return "\(number >> 16).\(number >> 8 & 255).\(number & 255)"
    }
}
