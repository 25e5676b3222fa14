import Foundation
import RunStore

/// Gathers what is to be said of the files that a command reads, and prints it to standard error.
final class RemarkPrinter {
    private var remarks = ResultsRemarks()

    func add(_ remark: ResultsRemark) { remarks.add(remark) }

    var hasDamage: Bool { remarks.hasDamage }

    func print() {
        for line in remarks.lines {
            Console.note("warning: \(line)")
        }
    }
}
