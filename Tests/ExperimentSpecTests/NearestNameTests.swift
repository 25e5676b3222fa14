import ExperimentSpec
import Testing

@Suite struct NearestNameTests {
    @Test(arguments: [("widht", "width"), ("with", "width"), ("dpeth", "depth"), ("xyzzy", nil), ("head", "heads")])
    func `the nearest name is the one with the fewest edits`(name: String, expected: String?) {
        #expect(nearestName(to: name, among: ["width", "depth", "heads"]) == expected)
    }

    @Test func `names at equal distance are told apart by the alphabet`() {
        #expect(nearestName(to: "b", among: ["bc", "ba"]) == "ba")
        #expect(nearestName(to: "b", among: [String]()) == nil)
    }
}
