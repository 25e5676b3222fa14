/// What a job array asks Slurm for; nil: what the runs are predicted to need, or Slurm's own default.
package struct SlurmOptions: Hashable, Sendable {
    package var partition: String?
    /// As sbatch takes it: "2-00:00:00", "90".
    package var timeLimit: String?
    /// Tasks at once; nil: as many as the cluster gives.
    package var arrayParallelism: Int?
    /// Of each task, as sbatch takes it: "8G".
    package var memory: String?
    /// Of each task.
    package var cpus: Int?
    /// Further arguments of sbatch, "--account=vision".
    package var extra: [String]
    /// How long before the time limit a run is told to write its checkpoint, seconds.
    package var noticeSeconds: Int
    /// How often a task is put back into the queue at most.
    package var mostRequeues: Int
    /// In place of the cluster's MaxArraySize.
    package var mostIndices: Int?
    /// Tasks in the queue at once, in place of what the cluster's limits leave.
    package var mostSubmitted: Int?

    package init(
        partition: String? = nil, timeLimit: String? = nil, arrayParallelism: Int? = nil, memory: String? = nil,
        cpus: Int? = nil, extra: [String] = [], noticeSeconds: Int = 120, mostRequeues: Int = 100,
        mostIndices: Int? = nil, mostSubmitted: Int? = nil
    ) {
        self.partition = partition
        self.timeLimit = timeLimit
        self.arrayParallelism = arrayParallelism
        self.memory = memory
        self.cpus = cpus
        self.extra = extra
        self.noticeSeconds = noticeSeconds
        self.mostRequeues = mostRequeues
        self.mostIndices = mostIndices
        self.mostSubmitted = mostSubmitted
    }
}
