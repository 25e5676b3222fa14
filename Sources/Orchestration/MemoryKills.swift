import Foundation

/// Counts the processes that the system has killed because memory ran out, so that such an end can be told from others.
package struct MemoryKills: Sendable {
    /// How many so far; nil where the system does not say.
    package var count: @Sendable () -> Int?

    package init(count: @escaping @Sendable () -> Int?) { self.count = count }

    /// Those of this process's control group, where it has a counter; otherwise those of the whole machine.
    package static var system: MemoryKills {
        MemoryKills {
            let groups = text("/proc/self/cgroup")
            return files(cgroups: groups).lazy.compactMap { number(in: text($0)) }.first
        }
    }

    /// Files that may hold the counter, the most particular first.
    static func files(cgroups: String) -> [String] {
        var files: [String] = []
        for line in cgroups.split(separator: "\n") {
            let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard parts.count == 3 else { continue }
            if parts[0] == "0" { files.append("/sys/fs/cgroup\(parts[2])/memory.events") }
            if parts[1].split(separator: ",").contains("memory") {
                files.append("/sys/fs/cgroup/memory\(parts[2])/memory.oom_control")
            }
        }
        // Within a container its own group is the root.
        return files + ["/sys/fs/cgroup/memory.events", "/sys/fs/cgroup/memory/memory.oom_control", "/proc/vmstat"]
    }

    /// The number behind "oom_kill".
    static func number(in text: String) -> Int? {
        for line in text.split(separator: "\n") where line.hasPrefix("oom_kill ") {
            return line.split(separator: " ").last.flatMap { Int($0) }
        }
        return nil
    }

    private static func text(_ path: String) -> String { (try? String(contentsOfFile: path, encoding: .utf8)) ?? "" }
}
