import Testing

@testable import Orchestration

@Suite struct SlurmLimitsTests {
    @Test func `The size of arrays is read from the configuration`() {
        let text = """
            Configuration data as of 2026-11-28T12:00:00
            MaxArrayTasks           = 7
            MaxArraySize            = 501
            MaxJobCount             = 10000
            """
        #expect(SlurmLimits.arraySize(in: text) == 501)
        #expect(SlurmLimits.arraySize(in: "slurm_load_ctl_conf error") == nil)
        #expect(SlurmLimits.arraySize(in: "MaxArraySize = 99999999999999999999999") == nil)
    }

    @Test func `The room in the queue is what the tightest limit leaves of the user`() {
        let text = """
            ClusterName=c Account=a UserName=ada(1000) ID=3 GrpSubmitJobs=N(8) MaxJobs=4(0) MaxSubmitJobs=500(8)
            ClusterName=c Account=b UserName=ada(1000) ID=4 GrpSubmitJobs=100(90) MaxJobs= MaxSubmitJobs=N(0)
            ClusterName=c Account=a UserName=adam(1001) ID=5 GrpSubmitJobs=1(1) MaxSubmitJobs=1(1)
            """
        #expect(SlurmLimits.room(in: text, user: "ada") == 10)
        #expect(SlurmLimits.room(in: text, user: "eve") == nil)
        #expect(SlurmLimits.room(in: "x UserName=eve(1) MaxSubmitJobs= GrpSubmitJobs=N(3)", user: "eve") == nil)
    }

    @Test(
        arguments: [
            (1001, nil, [1001, 1001, 1], 0), (101, 150, [101, 49], 1853), (500, 0, [], 2003), (5000, nil, [2003], 0),
            (1000, -3, [], 2003),
        ] as [(Int, Int?, [Int], Int)])
    func `No array and no queue takes more than it may`(size: Int, room: Int?, sizes: [Int], left: Int) {
        let (arrays, leftOut) = SlurmLimits(arraySize: size, room: room).arrays(of: Array(0..<2003))
        #expect(arrays.map(\.count) == sizes)
        #expect(leftOut == left)
        #expect(arrays.flatMap(\.self) == Array(0..<sizes.reduce(0, +)))
    }
}
