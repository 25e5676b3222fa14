import Foundation
import Glibc
import Orchestration
import RunStore

/// `status --watch`: redrawn on a terminal, elsewhere printed again at each change.
struct StatusWatch {
    let folder: ExperimentFolder
    let tags: [String]
    /// Seconds; nil: as often as is polite.
    let interval: Double?
    let json: Bool

    /// Returns once no worker and no `run` works on the experiment.
    func run() async throws {
        let redraws = !json && Terminal.canRedraw(STDOUT_FILENO)
        var display = LiveDisplay()
        var shown: Data?
        while true {
            // Asked for first: a `run` that ends in between has left its last states behind.
            let isBusy = ExperimentLock.isHeld(experimentDirectory: folder.path)
            // Reading every file of results at each look would keep the disk busy.
            let report = try StatusReport(
                of: folder, tags: tags, liveness: await .asking(about: folder), readsResults: false)
            let content = try StoredJSON.encode(report, pretty: false)
            if redraws {
                let (columns, rows) = Terminal.size(of: STDOUT_FILENO)
                let lines = report.text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
                Console.draw(display.frame(lines, columns: columns, rows: rows))
            } else if content != shown {
                Console.write(json ? String(decoding: content, as: UTF8.self) + "\n" : report.text + "\n\n")
            }
            shown = content
            if !isBusy, !report.isActive { return }
            try await Task.sleep(for: .seconds(interval ?? (report.isInQueue ? 10 : 2)))
        }
    }
}
