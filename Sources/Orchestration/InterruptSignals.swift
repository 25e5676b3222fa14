import Glibc
import Synchronization

/// Counts SIGINT, SIGTERM, SIGUSR1 (which mpirun and Slurm pass on) and SIGHUP instead of dying of them.
///
/// The handler only adds to an atomic number, which is all that a signal handler may safely do; loops look at `count`.
/// A handler, unlike an ignored signal, is not inherited by child processes.
package enum InterruptSignals {
    private static let counter = Atomic<Int>(0)
    private static let interrupts = Atomic<Int>(0)
    private static let latest = Atomic<Int32>(0)

    /// How many signals came since `install`.
    package static var count: Int { counter.load(ordering: .relaxed) }

    /// How urgent it is: 0 not at all, 1 to stop with checkpoints, 2 to stop at once.
    ///
    /// Only a second Ctrl-C says 2: schedulers of clusters send SIGUSR1 and then SIGTERM, and mean a checkpoint with both.
    package static var level: Int { interrupts.load(ordering: .relaxed) > 1 ? 2 : min(count, 1) }

    /// Name of the latest one; none before the first.
    package static var latestName: String? {
        let number = latest.load(ordering: .relaxed)
        return number == 0 ? nil : Settlement.name(of: number)
    }

    private static let numbers = [SIGINT, SIGTERM, SIGUSR1, SIGHUP]

    /// Takes the signals over for the rest of the process. SIGHUP stays ignored where it is (nohup).
    package static func install() {
        // Touched here, so that no lazy initialisation can happen inside the handler.
        _ = (level, latestName)
        handle(with: { number in
            InterruptSignals.latest.store(number, ordering: .relaxed)
            if number == SIGINT { InterruptSignals.interrupts.add(1, ordering: .relaxed) }
            InterruptSignals.counter.add(1, ordering: .relaxed)
        })
    }

    /// Until `install`, lets the signals end the process at once, as one that has nothing to save and can be started
    /// again (EX_TEMPFAIL).
    package static func installExit() {
        handle(with: { _ in _exit(WorkerExit.toBeResumed) })
    }

    private static func handle(with handler: @escaping @convention(c) (Int32) -> Void) {
        for number in numbers {
            var current = sigaction()
            sigaction(number, nil, &current)
            if number == SIGHUP, isIgnored(current) { continue }
            var action = sigaction()
            action.__sigaction_handler.sa_handler = handler
            action.sa_flags = SA_RESTART
            sigaction(number, &action, nil)
        }
        unblock()
    }

    /// A process inherits the signals that its parent's thread had blocked, and threads of a pool block most.
    private static func unblock() {
        var set = sigset_t()
        sigemptyset(&set)
        for number in numbers { sigaddset(&set, number) }
        pthread_sigmask(SIG_UNBLOCK, &set, nil)
    }

    private static func isIgnored(_ action: sigaction) -> Bool {
        unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self) == unsafeBitCast(SIG_IGN, to: Int.self)
    }
}
