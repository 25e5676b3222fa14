import CMPI
import Foundation
import Glibc
import Training

/// The processes that `mpirun` or `srun` started together, by Open MPI.
///
/// The library is loaded when a communicator is made, and only then. All calls come from the thread that made it.
package final class MPICommunicator: Communicator {
    package let rank: Int
    package let count: Int
    /// "Open MPI v4.1.4, …".
    package let library: String

    /// The number of processes that a launcher's environment speaks of; nil where none started this process.
    package static var launchedCount: Int? {
        let environment = ProcessInfo.processInfo.environment
        func number(_ name: String) -> Int? { environment[name].flatMap { Int($0) } }
        if let size = number("OMPI_COMM_WORLD_SIZE") ?? number("PMI_SIZE") { return size }
        // srun --mpi=pmix tells ranks by PMIx, and their number by its own variable.
        return environment["PMIX_RANK"] == nil ? nil : number("SLURM_STEP_NUM_TASKS")
    }

    /// Loads the library and joins the others.
    ///
    /// - Throws: `MPIError` with the remedy.
    package init() throws {
        let chosen = ProcessInfo.processInfo.environment["CJEPA_MPI_LIBRARY"]
        var failures: [String] = []
        var isStarted = false
        for name in chosen.map({ [$0] }) ?? ["libmpi.so.40", "libmpi.so"] {
            var detail = [CChar](repeating: 0, count: 512)
            let status = unsafe cmpi_start(name, &detail, detail.count)
            let text = String(decoding: detail.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
            switch status {
            case CMPI_OK: isStarted = true
            case CMPI_NO_LIBRARY: failures.append(text)
            case CMPI_OTHER_LIBRARY: throw MPIError.otherLibrary(name, text)
            case CMPI_MISSING_FUNCTION: throw MPIError.missingFunction(name, text)
            default: throw MPIError.notInitialized(name)
            }
            if isStarted { break }
        }
        guard isStarted else { throw MPIError.noLibrary(failures) }
        rank = Int(cmpi_rank())
        count = Int(cmpi_size())
        var version = [CChar](repeating: 0, count: 256)
        unsafe cmpi_version(&version, version.count)
        library = String(decoding: version.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        if let launched = Self.launchedCount, launched != count {
            throw MPIError.otherLauncher(launched: launched, seen: count, library: library)
        }
    }

    package func gather(_ bytes: UnsafeRawBufferPointer) -> [[UInt8]] {
        var counts = [Int64](repeating: 0, count: count)
        unsafe cmpi_gather_count(Int64(bytes.count), &counts)
        let total = counts.reduce(0, +)
        precondition(total < Int64(Int32.max), "\(total) bytes in one exchange")
        let all = unsafe [UInt8](unsafeUninitializedCapacity: Int(total)) { place, filled in
            let failed = unsafe cmpi_gather(bytes.baseAddress, counts, place.baseAddress)
            precondition(failed == 0, "out of memory")
            filled = Int(total)
        }
        var start = 0
        return counts.map { count in
            defer { start += Int(count) }
            return Array(all[start..<start + Int(count)])
        }
    }

    package func send(_ bytes: UnsafeRawBufferPointer, to rank: Int) {
        forEachPart(bytes.count) { start, count in
            guard let base = bytes.baseAddress else { return }
            unsafe cmpi_send(base + start, Int64(count), Int32(rank))
        }
    }

    package func receive(into bytes: UnsafeMutableRawBufferPointer, from rank: Int) {
        forEachPart(bytes.count) { start, count in
            guard let base = bytes.baseAddress else { return }
            unsafe cmpi_receive(base + start, Int64(count), Int32(rank))
        }
    }

    package func broadcast(_ bytes: UnsafeMutableRawBufferPointer, from rank: Int) {
        forEachPart(bytes.count) { start, count in
            guard let base = bytes.baseAddress else { return }
            unsafe cmpi_broadcast(base + start, Int64(count), Int32(rank))
        }
    }

    /// Counts are 32-bit in MPI.
    private func forEachPart(_ total: Int, _ body: (_ start: Int, _ count: Int) -> Void) {
        let limit = 1 << 30
        for start in stride(from: 0, to: total, by: limit) { body(start, min(limit, total - start)) }
    }

    package func waitForAll() {
        _ = waitForAll(atMost: .infinity)
    }

    /// - Returns: Whether all came within so many seconds; if not, nothing can be done together any more.
    package func waitForAll(atMost seconds: Double) -> Bool {
        let clock = ContinuousClock()
        let start = clock.now
        cmpi_enter_barrier()
        // MPI's own waiting keeps a processor busy, which others need.
        var pause: useconds_t = 50
        while cmpi_barrier_done() == 0 {
            if (clock.now - start) / .seconds(1) > seconds { return false }
            usleep(pause)
            pause = min(2 * pause, 20_000)
        }
        return true
    }

    /// Ends the job orderly; all ranks call it, and no other operation after it.
    package func finish() {
        cmpi_finish()
    }

    /// Ends all processes of the job at once, this one included.
    package func abort(code: Int32) -> Never {
        cmpi_abort(code)
        exit(code)
    }
}
