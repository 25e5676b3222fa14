import CPUKernels
import Testing

/// What the CPU back end says about itself and about OpenBLAS.
struct CPUBackendTests {
    @Test func aNarrowerInstructionSetIsAlwaysThere() {
        let summaries = CPUBackend.forEachInstructionSet().map(\.summary)
        #expect(summaries.first?.hasSuffix(" portable kernels") == true)
        #expect(Set(summaries).count == summaries.count)
        #expect(summaries.contains(CPUBackend().summary))
    }

    @Test func theSummaryNamesTheLibraryAndItsCore() {
        let summary = CPUBackend().summary
        #expect(OpenBLASRuntime.version().hasPrefix("OpenBLAS "))
        #expect(summary.hasPrefix("\(OpenBLASRuntime.version()) \(OpenBLASRuntime.coreName()), "))
    }

    @Test func aCoreTypeIsPreferredOnlyIfItIsAnother() {
        guard let preferred = OpenBLASRuntime.preferredCoreType() else { return }
        #expect(["SkylakeX", "Haswell"].contains(preferred))
        #expect(preferred != OpenBLASRuntime.coreName())
    }
}
