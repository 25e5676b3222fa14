import Foundation
import Glibc

/// What this machine offers to runs.
package enum Machine {
    /// Processors that this process may use, at least one: the affinity mask, cut by a control group's quota.
    package static var cores: Int {
        let visible = max(1, ProcessInfo.processInfo.activeProcessorCount)
        guard let quota = coreQuota(cpuMax: firstLine(of: "/sys/fs/cgroup/cpu.max")) else { return visible }
        return min(visible, quota)
    }

    /// Memory that new processes can take, bytes: what the kernel calls available, cut by a control group's limit.
    package static var freeMemoryBytes: Int {
        let meminfo = (try? String(contentsOfFile: "/proc/meminfo", encoding: .utf8)) ?? ""
        let physical = Int(clamping: ProcessInfo.processInfo.physicalMemory)
        let available = availableBytes(meminfo: meminfo) ?? physical
        // Version 2 of control groups, then version 1; "max" or a huge number where there is no limit.
        for (limit, usage) in [
            ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
            ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes"),
        ] {
            if let limit = Int(firstLine(of: limit) ?? ""), let usage = Int(firstLine(of: usage) ?? "") {
                return max(0, min(available, limit - usage))
            }
        }
        return available
    }

    /// The most resident memory that this process has had, bytes; nil where the kernel does not tell.
    package static var peakMemoryBytes: Int? {
        let status = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
        return bytes(of: "VmHWM:", in: status)
    }

    /// The name that states and provenance carry.
    package static var hostName: String {
        var buffer = [CChar](repeating: 0, count: 256)
        guard gethostname(&buffer, buffer.count - 1) == 0 else { return "unknown" }
        return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// Whole processors of a `cpu.max` line, "200000 100000" → 2; nil without a quota.
    static func coreQuota(cpuMax: String?) -> Int? {
        let fields = (cpuMax ?? "").split(separator: " ").map { Double($0) }
        guard fields.count == 2, let quota = fields[0], let period = fields[1], period > 0 else { return nil }
        return max(1, Int((quota / period).rounded(.down)))
    }

    /// `MemAvailable` of /proc/meminfo in bytes.
    static func availableBytes(meminfo: String) -> Int? {
        bytes(of: "MemAvailable:", in: meminfo)
    }

    /// The entry of a list of lines like "MemAvailable:   12345 kB".
    private static func bytes(of name: String, in list: String) -> Int? {
        for line in list.split(separator: "\n") where line.hasPrefix(name) {
            return line.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap { Int($0) }.map { $0 * 1024 }
        }
        return nil
    }

    private static func firstLine(of path: String) -> String? {
        (try? String(contentsOfFile: path, encoding: .utf8))?.split(separator: "\n").first.map(String.init)
    }
}
