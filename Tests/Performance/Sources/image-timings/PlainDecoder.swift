import CJPEG

/// libjpeg's decoder with nothing around it, for files that are known to be right: errors end the program.
final class PlainDecoder {
    private let info = UnsafeMutablePointer<jpeg_decompress_struct>.allocate(capacity: 1)
    private let errors = UnsafeMutablePointer<jpeg_error_mgr>.allocate(capacity: 1)
    private var rows: [UInt8] = []

    init() {
        info.initialize(to: jpeg_decompress_struct())
        errors.initialize(to: jpeg_error_mgr())
        info.pointee.err = jpeg_std_error(errors)
        jpeg_CreateDecompress(info, JPEG_LIB_VERSION, MemoryLayout<jpeg_decompress_struct>.size)
    }

    func decode(_ bytes: [UInt8]) {
        bytes.withUnsafeBufferPointer { bytes in
            guard bytes.first == 0xFF else { return }
            jpeg_mem_src(info, bytes.baseAddress, UInt(bytes.count))
            jpeg_read_header(info, 1)
            jpeg_start_decompress(info)
            // Read once: each look at one of the structure's members costs a copy of it all.
            let (width, height) = (Int(info.pointee.output_width), Int(info.pointee.output_height))
            let stride = width * Int(info.pointee.output_components)
            let count = stride * height
            if rows.count < count { rows = Array(repeating: 0, count: count) }
            rows.withUnsafeMutableBufferPointer { rows in
                guard let start = rows.baseAddress else { return }
                for line in 0..<height {
                    var row: JSAMPROW? = start + stride * line
                    jpeg_read_scanlines(info, &row, 1)
                }
            }
            jpeg_finish_decompress(info)
        }
    }
}
