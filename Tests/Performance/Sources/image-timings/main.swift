import CAllocations
import Foundation
import ImageCodecs

// Times decoding on the calling thread, of all pictures in a folder (with its subfolders), from memory:
//
//     swift run -c release --package-path Tests/Performance image-timings FOLDER [most files] [rounds]
//
// Resizing by itself is that of a region of the first picture. Each way in turns, as often as there are rounds: the fastest and the median round in pictures a second of the thread's
// own processor time, which other work on the machine disturbs least, and allocations a picture. The regions are those of a random resized crop of 0.3 to 1 of the area; `fast` asks for
// 224×224 of them. libjpeg's own rate is that of its decoder in a loop of C's kind with nothing around it.

let arguments = CommandLine.arguments.dropFirst()
guard let folder = arguments.first else {
    print("usage: image-timings FOLDER [most files] [rounds]")
    exit(2)
}
let numbers = arguments.dropFirst().compactMap { Int($0) }
let most = numbers.count > 0 ? numbers[0] : 1000
let rounds = numbers.count > 1 ? numbers[1] : 5

let names = (FileManager.default.enumerator(atPath: folder)?.compactMap { $0 as? String } ?? []).sorted()
var files: [[UInt8]] = []
var regions: [PixelRegion] = []
var pixels = 0
var generator = EqualNumbers()
for name in names where files.count < most {
    guard let data = FileManager.default.contents(atPath: folder + "/" + name) else { continue }
    let bytes = Array(data)
    guard let header = try? ImageHeader(bytes) else { continue }
    files.append(bytes)
    pixels += header.width * header.height
    regions.append(randomRegion(width: header.width, height: header.height, using: &generator))
}
guard !files.isEmpty else {
    print("no pictures in \(folder)")
    exit(1)
}
let megapixels = Double(pixels) / Double(files.count) / 1e6
print(
    "\(files.count) pictures of \(megapixels.formatted(.number.precision(.fractionLength(4)))) megapixels in the mean\n"
)

/// The same numbers in every run, so that runs are comparable: Marsaglia's xorshift.
struct EqualNumbers: RandomNumberGenerator {
    var state: UInt64 = 88_172_645_463_325_252

    mutating func next() -> UInt64 {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return state
    }
}

func randomRegion(width: Int, height: Int, using generator: inout EqualNumbers) -> PixelRegion {
    let area = Double(width * height) * Double.random(in: 0.3...1, using: &generator)
    let ratio = exp(Double.random(in: log(0.75)...log(4.0 / 3), using: &generator))
    let wide = max(1, min(width, Int((area * ratio).squareRoot())))
    let high = max(1, min(height, Int((area / ratio).squareRoot())))
    return PixelRegion(
        left: Int.random(in: 0...width - wide, using: &generator),
        top: Int.random(in: 0...height - high, using: &generator), width: wide, height: high)
}

struct Way {
    let name: String
    var rates: [Double] = []
    var allocations = 0.0
    let decode: (Int) throws -> Void
}

let decoder = ImageDecoder()
var buffer = PixelBuffer()
var resized = PixelBuffer()
var bilinear = PixelResampler(filter: .bilinear)
var bicubic = PixelResampler(filter: .bicubic)
// The first picture and a region of it, for resizing by itself.
var large = PixelBuffer()
try decoder.decode(files[0], as: .rgb, into: &large)
let within = randomRegion(width: large.width, height: large.height, using: &generator)
let baseline = PlainDecoder()
var ways = [
    Way(name: "libjpeg-turbo alone, whole") { baseline.decode(files[$0]) },
    Way(name: "header") { _ = try ImageHeader(files[$0]) },
    Way(name: "whole, exact") { try decoder.decode(files[$0], as: .rgb, into: &buffer) },
    Way(name: "whole, exact, grey") { try decoder.decode(files[$0], as: .grey, into: &buffer) },
    Way(name: "region, exact") { try decoder.decode(files[$0], as: .rgb, region: regions[$0], into: &buffer) },
    Way(name: "whole, fast") {
        try decoder.decode(files[$0], as: .rgb, detail: .fast(width: 224, height: 224), into: &buffer)
    },
    Way(name: "region, fast") {
        try decoder.decode(
            files[$0], as: .rgb, region: regions[$0], detail: .fast(width: 224, height: 224), into: &buffer)
    },
    Way(name: "region, fast, grey") {
        try decoder.decode(
            files[$0], as: .grey, region: regions[$0], detail: .fast(width: 224, height: 224), into: &buffer)
    },
    Way(name: "region, fast to 112") {
        try decoder.decode(
            files[$0], as: .rgb, region: regions[$0], detail: .fast(width: 112, height: 112), into: &buffer)
    },
    Way(name: "resize a region, bilinear") { _ in
        bilinear.resize(large, region: within, width: 224, height: 224, into: &resized)
    },
    Way(name: "resize a region, bicubic") { _ in
        bicubic.resize(large, region: within, width: 224, height: 224, into: &resized)
    },
    Way(name: "region, exact, and bilinear") {
        try decoder.decode(files[$0], as: .rgb, region: regions[$0], into: &buffer)
        bilinear.resize(buffer, width: 224, height: 224, into: &resized)
    },
    Way(name: "region, fast, and bilinear") {
        try decoder.decode(
            files[$0], as: .rgb, region: regions[$0], detail: .fast(width: 224, height: 224), into: &buffer)
        bilinear.resize(buffer, box: buffer.box, width: 224, height: 224, into: &resized)
    },
]

/// Processor time of this thread, seconds.
func now() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
}

for round in 0...rounds {
    for way in ways.indices {
        callocations_start()
        let start = now()
        var failed = 0
        for file in files.indices {
            do { try ways[way].decode(file) } catch { failed += 1 }
        }
        let seconds = now() - start
        ways[way].allocations = Double(callocations_stop()) / Double(files.count)
        // The first round makes room.
        if round > 0 { ways[way].rates.append(Double(files.count) / seconds) }
        if failed > 0, round == 0 { print("\(ways[way].name): \(failed) failed") }
    }
}
for way in ways {
    let rates = way.rates.sorted()
    let best = rates.last ?? 0
    let median = rates.isEmpty ? 0 : rates[rates.count / 2]
    let name = way.name.padding(toLength: 28, withPad: " ", startingAt: 0)
    print(name, String(format: "%10.0f/s, median %10.0f/s, %6.1f allocations", best, median, way.allocations))
}
