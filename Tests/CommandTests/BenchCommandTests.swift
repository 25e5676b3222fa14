import Foundation
import Glibc
import Testing
import Training

@testable import cjepa_exp

@Suite struct BenchCommandTests {
    private func bench(_ arguments: [String] = [], environment: [String: String] = [:]) throws -> [String: Any] {
        let program = try Program.run(
            ["bench", SmokeRun.spec, "--steps", "7", "--warmup", "1", "--json"]
                + (arguments.contains("--threads") ? [] : ["--threads", "2"]) + arguments,
            environment: environment)
        #expect(program.status == 0, "\(program.error)")
        return try program.checkedJSON()
    }

    private func median(_ values: [Double]) -> Double {
        let sorted = values.sorted()
        return (sorted[(sorted.count - 1) / 2] + sorted[sorted.count / 2]) / 2
    }

    @Test func ratesAreThoseOfTheSteps() throws {
        let report = try bench()
        func number(_ key: String) throws -> Double { try #require(report[key] as? Double, "\(key)") }
        let steps = try #require(report["steps"] as? [[String: Any]])
        #expect(steps.count == 7)
        let batch = try number("batch_size")
        #expect(batch == 32)
        let seconds = try steps.map { try #require($0["seconds"] as? Double) }
        let flops = try steps.map { try #require($0["flops"] as? Double) }
        #expect(seconds.allSatisfy { $0 > 0 } && flops.allSatisfy { $0 > 0 })
        func isAbout(_ value: Double, _ expected: Double) -> Bool { abs(value - expected) <= 1e-6 * expected }
        #expect(isAbout(try number("seconds_per_step"), median(seconds)))
        #expect(isAbout(try number("images_per_second"), median(seconds.map { batch / $0 })))
        let rates = zip(flops, seconds).map { $0 / $1 / 1e9 }
        #expect(isAbout(try number("gigaflops_per_second"), median(rates)))
        #expect(isAbout(try number("flops_per_image"), flops.reduce(0, +) / 7 / batch))
        #expect(
            isAbout(try number("gemm_share"), try number("gigaflops_per_second") / number("gemm_gigaflops_per_second")))
        // Kc changes from batch to batch, and the work with it.
        #expect(Set(steps.compactMap { $0["context_patches"] as? Int }).count > 1)
        #expect(Set(flops).count > 1)
        let spread = try #require(report["images_per_second_spread"] as? [String: Double])
        let order = ["minimum", "lower_quartile", "median", "upper_quartile", "maximum"].compactMap { spread[$0] }
        #expect(order.count == 5 && order == order.sorted())
    }

    @Test func phasesAddUpToTheStep() throws {
        let report = try bench()
        let phases = try #require(report["phase_seconds"] as? [String: Double])
        #expect(
            Set(phases.keys) == [
                "load", "target_forward", "context_forward", "predictor_forward", "loss", "predictor_backward",
                "encoder_backward", "update", "other",
            ])
        #expect(phases.allSatisfy { $0.value >= 0 })
        // The networks' passes are most of a step.
        let networks = [
            "target_forward", "context_forward", "predictor_forward", "predictor_backward", "encoder_backward",
        ]
        #expect(networks.allSatisfy { phases[$0]! > 0 })
        // Medians of parts are not parts of medians: on a busy machine they differ by much, but not by everything.
        let step = try #require(report["seconds_per_step"] as? Double)
        let sum = phases.values.reduce(0, +)
        #expect(sum > 0.1 * step && sum < 4 * step, "\(sum) s of \(step) s")
    }

    @Test func whatWasMeasuredOnWhatIsTold() throws {
        let report = try bench(["--arm", "cjepa", "--batch", "16", "--shards", "2", "--no-loader"])
        #expect(report["model"] as? String == "custom")
        #expect(report["batch_size"] as? Int == 16)
        #expect(report["shards"] as? Int == 2)
        #expect(report["threads"] as? Int == 2)
        #expect(report["precision"] as? String == "float32")
        #expect((report["back_end"] as? String)?.contains("OpenBLAS") == true)
        #expect((report["openblas_core_type"] as? String)?.isEmpty == false)
        #expect((report["processor"] as? String)?.isEmpty == false)
        #expect((report["peak_memory_bytes"] as? Int ?? 0) > 10 << 20)
        #expect((report["gemm_gigaflops_per_second"] as? Double ?? 0) > 0)
        #expect(report["allocations_per_step"] is Int)
    }

    @Test("a steady step allocates nothing", arguments: ["float32", "bf16"], [1, 2])
    func aSteadyStepAllocatesNothing(precision: String, threads: Int) throws {
        let variants = [
            ["--arm", "ijepa"], ["--arm", "shared"],
            ["--arm", "cjepa", "--set", "resources.shards=12", "--set", "resources.accumulate=2"],
        ]
        for arguments in variants {
            let report = try bench(arguments + ["--precision", precision, "--threads", "\(threads)", "--no-loader"])
            #expect(report["allocations_per_step"] as? Int == 0, "\(arguments)")
        }
    }

    @Test func thePrecisionIsChosen() throws {
        let narrow = try bench(["--precision", "bf16"])
        #expect(narrow["precision"] as? String == "bf16")
        #expect((narrow["back_end"] as? String)?.contains("bf16") == true)
        let chosen = try bench(["--precision", "auto"])["precision"] as? String
        #expect(["float32", "bf16"].contains(chosen))
    }

    @Test func environmentsThatSlowTheKernelsAreNamed() throws {
        let report = try bench(["--threads", "5", "--shards", "4"], environment: ["CJEPA_INSTRUCTION_SET": "portable"])
        let warnings = try #require(report["warnings"] as? [String])
        #expect(warnings.contains { $0.contains("CJEPA_INSTRUCTION_SET=portable") }, "\(warnings)")
        #expect(warnings.contains { $0.contains("5 threads share 4 shards") }, "\(warnings)")
        #expect((report["back_end"] as? String)?.contains("portable") == true)
    }

    @Test func aLesserTypeOfOpenBLASKernelsIsNotFollowedSilently() throws {
        let program = try Program.run(
            ["bench", SmokeRun.spec, "--steps", "1", "--warmup", "0", "--threads", "1", "--json"],
            environment: ["OPENBLAS_CORETYPE": "Prescott"])
        #expect(program.status == 0, "\(program.error)")
        let used = try #require(try program.checkedJSON()["openblas_core_type"] as? String)
        // A processor, or a library, that has no better kernels may follow it; no other may.
        let said = "note: OPENBLAS_CORETYPE=Prescott asks for slower kernels"
        #expect(used == "Prescott" || program.error.contains(said), "\(used): \(program.error)")
    }

    @Test func theTextHasEveryPhase() throws {
        let program = try Program.run(["bench", SmokeRun.spec, "--steps", "5", "--warmup", "1", "--threads", "1"])
        #expect(program.status == 0, "\(program.error)")
        for text in ["images/s", "GFLOP/s of products alone", "target forward", "update", "peak memory", "1 thread on"]
        {
            #expect(program.output.contains(text), "\(text)\n\(program.output)")
        }
    }

    @Test(arguments: [
        (["--image", "30", "--patch", "4"], "model.patch_size: error: "),
        (["--predictor-width", "100"], "model.predictor"),
        (["--min-keep", "190"], "masks.min_keep: error: "),
        (["experiments/smoke.spec", "--arm", "nope"], "experiments/smoke.spec: error: there is no arm nope"),
        (["--arm", "ijepa"], "--arm and --set need a spec"),
        (["--steps", "0"], "--steps must be at least 1"),
        (["--model", "vit_giant"], "vit_giant"),
    ])
    func whatCannotBeTimedIsAnErrorOfUsage(arguments: [String], text: String) throws {
        let program = try Program.run(["bench"] + arguments)
        #expect(program.status == 64)
        #expect(program.error.contains(text), "\(program.error)")
        #expect(program.output.isEmpty)
    }

    @Test func everyKindOfAllocationIsCounted() throws {
        let counter = try #require(allocationCounter())
        counter.start()
        for _ in 0..<1000 {
            var memory: [UnsafeMutableRawPointer?] = [
                malloc(24), calloc(3, 8), realloc(nil, 24), aligned_alloc(64, 64), UnsafeMutableRawPointer(strdup("x")),
                nil,
            ]
            posix_memalign(&memory[5], 64, 64)
            for pointer in memory {
                #expect(pointer != nil)
                free(pointer)
            }
        }
        // Other tests allocate meanwhile, so there may be more.
        #expect(counter.stop() >= 6000)
        let counted = counter.stop()
        free(malloc(24))
        #expect(counter.stop() == counted)
    }
}
