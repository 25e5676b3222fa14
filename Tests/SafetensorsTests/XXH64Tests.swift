import Foundation
import Safetensors
import Testing

@Suite struct XXH64Tests {
    private func checksum(_ bytes: [UInt8]) -> UInt64 { bytes.withUnsafeBytes { XXH64.checksum(of: $0) } }

    /// Values that the public implementation (xxhsum 0.8) gives.
    @Test(
        arguments: [
            ("", 0xEF46_DB37_51D8_E999), ("a", 0xD24E_C4F1_A98C_6E5B), ("abc", 0x44BC_2CF5_AD77_0999),
            ("Nobody inspects the spammish repetition", 0xFBCE_A83C_8A37_8BF1),
        ] as [(String, UInt64)])
    func agreesWithThePublicImplementation(_ text: String, _ expected: UInt64) {
        #expect(checksum(Array(text.utf8)) == expected)
    }

    @Test func piecesGiveTheChecksumOfTheWhole() {
        let bytes = (0..<301).map { UInt8(truncatingIfNeeded: $0 &* 37 &+ 11) }
        for length in 0...bytes.count {
            for piece in [1, 7, 31, 32, 33, 64, 100] {
                var state = XXH64()
                for start in stride(from: 0, to: length, by: piece) {
                    bytes[start..<min(start + piece, length)].withUnsafeBytes { state.append($0) }
                }
                #expect(state.value == checksum(Array(bytes.prefix(length))), "\(length) in pieces of \(piece)")
            }
        }
    }
}
