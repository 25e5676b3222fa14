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
        return controlGroups.reduce(available) { free, group in
            guard let usage = Int(firstLine(of: group.usageFile) ?? "") else { return free }
            return max(0, min(free, group.limit - usage))
        }
    }

    /// The most memory that one run can get: what is built in, cut by a control group's limit.
    package static var memoryLimit: MemoryLimit {
        let physical = MemoryLimit(.machine, bytes: Int(clamping: ProcessInfo.processInfo.physicalMemory))
        let groups = controlGroups.map { MemoryLimit(.controlGroup, bytes: $0.limit) }
        return groups.reduce(physical) { $1.bytes < $0.bytes ? $1 : $0 }
    }

    /// Bytes of address space that each process may have (`ulimit -v`); nil where nothing limits it.
    package static var addressSpaceLimit: Int? {
        addressSpaceLimit(limits: (try? String(contentsOfFile: "/proc/self/limits", encoding: .utf8)) ?? "")
    }

    /// The soft limit: "Max address space  266240000  unlimited  bytes".
    static func addressSpaceLimit(limits: String) -> Int? {
        let name = "Max address space"
        for line in limits.split(separator: "\n") where line.hasPrefix(name) {
            return line.dropFirst(name.count).split(separator: " ").first.flatMap { Int($0) }
        }
        return nil
    }

    /// Whether memory that is asked for and never touched counts too, so that little of it may be had.
    package static var countsUntouchedMemory: Bool {
        addressSpaceLimit != nil || firstLine(of: "/proc/sys/vm/overcommit_memory") == "2"
    }

    /// Bytes that may still be written below a path, which need not exist yet; nil where the file system does not say.
    package static func freeDiskBytes(at path: String) -> Int? {
        var path = URL(fileURLWithPath: path).standardizedFileURL.path
        var status = statvfs()
        while statvfs(path, &status) != 0 {
            guard errno == ENOENT, path != "/" else { return nil }
            path = (path as NSString).deletingLastPathComponent
        }
        guard status.f_blocks > 0 else { return nil }
        return Int(min(Double(status.f_bavail) * Double(status.f_frsize), 1e18))
    }

    /// Control groups above this process that limit its memory, version 2 or 1. (The latter says "no limit" by a huge
    /// number.)
    private static var controlGroups: [(limit: Int, usageFile: String)] {
        let groups = (try? String(contentsOfFile: "/proc/self/cgroup", encoding: .utf8)) ?? ""
        return controlGroupFolders(cgroups: groups).compactMap { folder in
            for (limit, usage) in [
                ("memory.max", "memory.current"), ("memory.limit_in_bytes", "memory.usage_in_bytes"),
            ] {
                if let bytes = Int(firstLine(of: "\(folder)/\(limit)") ?? "") { return (bytes, "\(folder)/\(usage)") }
            }
            return nil
        }
    }

    /// Folders that may hold the limits: of each group and all above it. Within a container its own group is the root.
    static func controlGroupFolders(cgroups: String) -> [String] {
        var folders: [String] = []
        for line in cgroups.split(separator: "\n") {
            let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false).map(String.init)
            guard parts.count == 3, parts[0] == "0" || parts[1].split(separator: ",").contains("memory") else {
                continue
            }
            let root = parts[0] == "0" ? "/sys/fs/cgroup" : "/sys/fs/cgroup/memory"
            var names = parts[2].split(separator: "/")
            while !names.isEmpty {
                folders.append(root + "/" + names.joined(separator: "/"))
                names.removeLast()
            }
            folders.append(root)
        }
        return folders + ["/sys/fs/cgroup", "/sys/fs/cgroup/memory"].filter { !folders.contains($0) }
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
