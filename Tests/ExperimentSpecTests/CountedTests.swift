import ExperimentSpec
import Testing

@Suite struct CountedTests {
    @Test(arguments: [(0, "0 runs"), (1, "1 run"), (2, "2 runs")])
    func `one is singular, everything else plural`(count: Int, text: String) {
        #expect(counted(count, "run") == text)
    }

    @Test func `nouns that take no s bring their plural`() {
        #expect(counted(1, "batch", "batches") == "1 batch")
        #expect(counted(3, "batch", "batches") == "3 batches")
    }
}
