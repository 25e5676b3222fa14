import Foundation

/// Numbers with units, for people.
package enum Quantity {
    /// "42s", "3m 07s", "1h 05m", "2d 03h".
    package static func duration(_ seconds: Double) -> String {
        guard seconds.isFinite, seconds < 1e9 else { return "?" }
        let whole = Int(max(0, seconds).rounded())
        let (days, hours, minutes) = (whole / 86_400, whole / 3_600 % 24, whole / 60 % 60)
        func two(_ value: Int) -> String { value < 10 ? "0\(value)" : "\(value)" }
        if days > 0 { return "\(days)d \(two(hours))h" }
        if hours > 0 { return "\(hours)h \(two(minutes))m" }
        if minutes > 0 { return "\(minutes)m \(two(whole % 60))s" }
        return "\(whole)s"
    }

    /// Binary multiples: "512 B", "1.5 MiB".
    package static func bytes(_ count: Int) -> String {
        guard count >= 1024 else { return "\(count) B" }
        return scaled(Double(count), by: 1024, units: [" B", " KiB", " MiB", " GiB", " TiB"])
    }

    /// Decimal multiples: "950", "5.52M", "1.20G".
    package static func count(_ value: Double) -> String {
        value < 1000 ? significant(value) : scaled(value, by: 1000, units: ["", "k", "M", "G", "T", "P", "E"])
    }

    /// Three significant digits, whole numbers in full: "0.421", "0.00817", "12.3", "1234", "2.84e-04".
    package static func significant(_ value: Double) -> String {
        guard value.isFinite else { return "\(value)" }
        let size = abs(value)
        if value.rounded() == value, size < 1e15 { return String(format: "%.0f", value + 0) }
        guard (1e-3..<1e6).contains(size) else { return String(format: "%.2e", value) }
        // What would round to the next power of ten has a digit less behind the point.
        let decimals = (0...5).first { size >= 99.95 / pow(10, Double($0)) } ?? 5
        return String(format: "%.\(decimals)f", value)
    }

    private static func scaled(_ value: Double, by base: Double, units: [String]) -> String {
        var (value, unit) = (value, 0)
        // What would round to the base belongs to the next unit.
        while value >= base * 0.9995, unit < units.count - 1 { (value, unit) = (value / base, unit + 1) }
        let decimals = value >= 100 ? 0 : value >= 10 ? 1 : 2
        return String(format: "%.\(decimals)f", value) + units[unit]
    }
}
