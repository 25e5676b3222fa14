import CKernels
import COpenBLAS

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// What the loaded OpenBLAS is and which of its kernels it uses.
///
/// OpenBLAS chooses its kernels while it is loaded, from the processor's model number or from the environment variable
/// OPENBLAS_CORETYPE; nothing can change the choice afterwards. A release older than the processor, or a variable that
/// was set for another machine, makes it run at half the speed or less (AVX2 kernels instead of AVX-512: 124 instead of
/// 238 GFLOP/s on one Zen 5 core). An executable that finds `preferredCoreType()` not nil should therefore start itself,
/// or its worker processes, with OPENBLAS_CORETYPE set to it.
package enum OpenBLASRuntime {
    /// The core whose kernels are in use: "Haswell", "SkylakeX", "Zen" …
    package static func coreName() -> String {
        openblas_get_corename().map { String(cString: $0) } ?? "unknown"
    }

    /// "OpenBLAS 0.3.21".
    package static func version() -> String {
        configuration().split(separator: " ").prefix(2).joined(separator: " ")
    }

    /// The value for OPENBLAS_CORETYPE that suits this processor better, or nil where the current choice is as good.
    ///
    /// Also nil where the variable already has that value, or this build of OpenBLAS has only one set of kernels: then
    /// starting again would change nothing.
    package static func preferredCoreType() -> String? {
        guard configuration().contains("DYNAMIC_ARCH") else { return nil }
        let wideCores: Set = ["skylakex", "cooperlake", "sapphirerapids"]
        let core = coreName().lowercased()
        let preferred: String
        if ckernels_for(.AVX512) != nil {
            if wideCores.contains(core) { return nil }
            preferred = "SkylakeX"
        } else if ckernels_for(.AVX2) != nil {
            if core == "haswell" || core == "zen" { return nil }
            preferred = "Haswell"
        } else {
            return nil
        }
        if let current = getenv("OPENBLAS_CORETYPE"), String(cString: current) == preferred { return nil }
        return preferred
    }

    /// Makes every product run on the thread that asks for it.
    static func useCallingThreadOnly() {
        openblas_set_num_threads(1)
    }

    private static func configuration() -> String {
        openblas_get_config().map { String(cString: $0) } ?? "OpenBLAS"
    }
}
