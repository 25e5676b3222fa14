import Datasets
import Foundation
import Pictures
import TensorCore

/// Images in rows, each with its class and its name below.
struct ContactSheet {
    struct Cell {
        let picture: RGBImage
        /// The class; none where there are none.
        let label: String?
        /// File or place.
        let name: String
    }

    let cells: [Cell]

    private static let gap = 8
    private static let margin = 16
    /// Images smaller than this are enlarged by a whole factor, so that there is room for words.
    private static let wantedSide = 112
    private static let ink = RGBColor(grey: 50)
    private static let paleInk = RGBColor(grey: 130)

    /// Of the classes in turn, in each by chance; without classes by chance.
    static func choice(_ wanted: Int, of images: ImageDataset, seed: UInt64) -> [Int] {
        var random = RandomStream(seed: seed, purpose: .subset)
        var order = Array(0..<images.count)
        random.shuffle(&order)
        guard let labels = images.labels else { return Array(order.prefix(wanted)) }
        var byClass: [Int32: [Int]] = [:]
        for image in order where byClass[labels[image], default: []].count < wanted {
            byClass[labels[image], default: []].append(image)
        }
        let classes = byClass.keys.sorted()
        var places: [Int] = []
        for turn in 0..<wanted {
            let before = places.count
            for label in classes where places.count < wanted {
                if let images = byClass[label], turn < images.count { places.append(images[turn]) }
            }
            if places.count == before || places.count == wanted { break }
        }
        return places
    }

    /// - Parameters:
    ///   - places: Of the images in the split.
    ///   - crop: None: what evaluations see.
    /// - Throws: `DatasetError` for an image that cannot be read.
    init(
        _ split: DataImages.Split, _ data: DataImages, _ places: [Int], side: Int, crop: RandomResizedCrop?,
        seed: UInt64
    ) throws {
        var images = split.images
        let channels = images.channels
        // Rendered values are then those of pixels.
        images.normalization = Normalization(
            mean: Array(repeating: 0, count: channels), standardDeviation: Array(repeating: 1 / 255, count: channels))
        var renderer = ImageRenderer(images, size: side)
        let rendered = HostBuffer<Float>(count: channels * side * side)
        cells = try places.map { image in
            if let crop {
                // The crop of the first epoch of a run with this seed.
                try renderer.render(image, into: rendered, slot: 0) { size in
                    var random = RandomStream(seed: seed, purpose: .crop, epoch: 0, sample: image)
                    return crop.region(height: size.height, width: size.width, random: &random)
                }
            } else {
                try renderer.render(image, into: rendered, slot: 0)
            }
            let label = images.labels.map { data.className(Int($0[image])) }
            return Cell(
                picture: Self.picture(of: rendered, channels: channels, side: side), label: label,
                name: split.label(of: image))
        }
    }

    private static func picture(of values: HostBuffer<Float>, channels: Int, side: Int) -> RGBImage {
        let plane = side * side
        var pixels: [UInt8] = []
        pixels.reserveCapacity(3 * plane)
        for place in 0..<plane {
            for colour in 0..<3 {
                let value = values[min(colour, channels - 1) * plane + place]
                pixels.append(UInt8(max(0, min(255, value.rounded()))))
            }
        }
        return RGBImage(width: side, height: side, pixels: pixels)
    }

    func draw() -> RGBImage {
        let side = cells.first?.picture.width ?? 1
        let factor = max(1, (Self.wantedSide + side - 1) / side)
        let width = side * factor
        let line = RGBImage.textHeight() + 4
        let text = 2 * line + 2
        let columns = max(1, Int(Double(cells.count).squareRoot().rounded(.up)))
        let rows = (cells.count + columns - 1) / columns
        var canvas = RGBImage(
            width: 2 * Self.margin + columns * (width + Self.gap) - Self.gap,
            height: 2 * Self.margin + max(1, rows) * (width + text + Self.gap) - Self.gap)
        for (index, cell) in cells.enumerated() {
            let x = Self.margin + index % columns * (width + Self.gap)
            let y = Self.margin + index / columns * (width + text + Self.gap)
            canvas.draw(factor == 1 ? cell.picture : cell.picture.enlarged(by: factor), x: x, y: y)
            let file = (cell.name as NSString).lastPathComponent
            canvas.write(Self.cut(cell.label ?? file, to: width), x: x, y: y + width + 4, color: Self.ink)
            if cell.label != nil {
                canvas.write(Self.cut(file, to: width), x: x, y: y + width + 4 + line, color: Self.paleInk)
            }
        }
        return canvas
    }

    /// The beginning of a text, with two points where something is missing.
    private static func cut(_ text: String, to width: Int) -> String {
        guard RGBImage.textWidth(text) > width else { return text }
        let characters = max(0, (width + 1) / RGBImage.textWidth("XX").advanced(by: 1) * 2 - 2)
        return text.prefix(characters) + ".."
    }
}
