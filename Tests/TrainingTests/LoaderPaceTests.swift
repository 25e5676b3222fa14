import Testing

@testable import Training

/// How many threads read images, on clocks that are made up.
@Suite struct LoaderPaceTests {
    /// Steps of an engine that takes `engine` seconds with a loader that takes `loader` seconds of one thread.
    private func settled(
        engine: Double, loader: Double, most: Int, competing: Double = 0, steps: Int = 3000
    ) -> (threads: Int, trials: Int) {
        var pace = LoaderPace(most: most, skip: 4)
        var (last, changes) = (pace.threads, 0)
        for _ in 0..<steps {
            let threads = Double(pace.threads)
            let slowed = engine * (1 + competing * (threads - 1))
            let seconds = max(slowed, loader / threads * (1 + competing * (threads - 1)))
            pace.note(seconds: seconds, waited: seconds - slowed)
            if pace.threads != last { (last, changes) = (pace.threads, changes + 1) }
        }
        return (pace.settled, changes)
    }

    @Test func aLoaderThatKeepsUpIsLeftAlone() {
        #expect(settled(engine: 0.1, loader: 0.09, most: 8) == (1, 0))
    }

    @Test func threadsAreAddedUntilStepsDoNotWait() {
        #expect(settled(engine: 0.1, loader: 0.35, most: 8).threads == 4)
        #expect(settled(engine: 0.1, loader: 0.35, most: 2).threads == 2)
    }

    @Test func aThreadThatTakesMoreThanItGivesIsSentToSleep() {
        let found = settled(engine: 0.1, loader: 0.13, most: 8, competing: 1)
        #expect(found.threads == 1)
        // It is tried again, but ever less often.
        #expect(found.trials > 0 && found.trials <= 32, "\(found.trials)")
    }

    @Test func oneThreadAllowsNoTrial() {
        #expect(settled(engine: 0.1, loader: 1, most: 1) == (1, 0))
    }

    @Test func spellsAfterAnInterruptionDoNotCountWhatWasReady() {
        var pace = LoaderPace(most: 4, skip: 4)
        for step in 0..<2000 {
            if step.isMultiple(of: 4) { pace.interrupted() }
            pace.note(seconds: 1, waited: 0.9)
        }
        #expect(pace.threads == 1)
    }
}
