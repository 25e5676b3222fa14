import TensorCore

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Lets members that run on several threads add to the same sums, each sum in the order of the members.
///
/// Every member makes its additions in the same stages, however much it has to add in each. A member may work on a stage
/// once the one before it has left that stage, so the members follow each other at a distance of a stage, and every sum is
/// formed in the same order whatever the number of threads. Members must begin in ascending order, or on threads of their
/// own: one that begins waits for those before it.
package final class SummationOrder: @unchecked Sendable {
    private let members: Int
    /// Stages that each member has left.
    private let left: UnsafeMutablePointer<Int>
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private let changed: UnsafeMutablePointer<pthread_cond_t>

    package init(members: Int) {
        self.members = members
        left = .allocate(capacity: members)
        left.initialize(repeating: 0, count: members)
        mutex = .allocate(capacity: 1)
        changed = .allocate(capacity: 1)
        pthread_mutex_init(mutex, nil)
        pthread_cond_init(changed, nil)
    }

    deinit {
        pthread_cond_destroy(changed)
        pthread_mutex_destroy(mutex)
        changed.deallocate()
        mutex.deallocate()
        left.deallocate()
    }

    /// Before any member begins.
    package func reset() { left.update(repeating: 0, count: members) }

    /// Waits until the member may work on its first stage.
    package func begin(_ member: Int) { move(member, to: 0) }

    /// Leaves a stage, and waits until the member may work on the next.
    package func advance(_ member: Int) { move(member, to: left[member] + 1) }

    /// The member adds nothing more.
    package func finish(_ member: Int) {
        pthread_mutex_lock(mutex)
        left[member] = .max
        pthread_cond_broadcast(changed)
        pthread_mutex_unlock(mutex)
    }

    private func move(_ member: Int, to stage: Int) {
        precondition(member >= 0 && member < members, "member \(member) of \(members)")
        pthread_mutex_lock(mutex)
        if stage > left[member] {
            left[member] = stage
            pthread_cond_broadcast(changed)
        }
        while member > 0 && left[member - 1] <= stage { pthread_cond_wait(changed, mutex) }
        pthread_mutex_unlock(mutex)
    }
}

/// A member's place in a `SummationOrder`.
package struct SummationTurn: Sendable {
    private let order: SummationOrder
    private let member: Int

    package init(_ order: SummationOrder, member: Int) {
        self.order = order
        self.member = member
    }

    package func begin() { order.begin(member) }
    package func advance() { order.advance(member) }
    package func finish() { order.finish(member) }
}

/// Sums of the gradients of a network's parameters, flat like them; what is added accumulates.
package struct GradientSums<Backend: KernelBackend>: Sendable {
    package let flat: Tensor<Backend>
    /// The order in which several backward passes add; none: there is one at a time.
    package let turn: SummationTurn?

    package init(_ flat: Tensor<Backend>, turn: SummationTurn? = nil) {
        self.flat = flat
        self.turn = turn
    }

    /// The part of `count` elements that begins `start` elements into this one.
    package func window(at start: Int, count: Int) -> GradientSums {
        GradientSums(flat.window(at: start, .init(count)), turn: turn)
    }
}

extension ParameterSlot {
    /// The sum of the parameter's gradients.
    package func callAsFunction<Backend>(_ sums: GradientSums<Backend>) -> Tensor<Backend> { self(sums.flat) }
}
