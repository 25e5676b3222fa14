import Foundation
import RunStore
import Testing

/// Images that cannot be read: refused at the start where that is known, or left out of every run alike.
@Suite struct UnreadableImagesTests {
    private func damaged() throws -> Photos {
        let photos = try Photos()
        let whole = try Data(contentsOf: URL(fileURLWithPath: photos.root + "/train/dog/100.png"))
        try photos.put(whole.prefix(60), "train/dog/103.png")
        try photos.put(Data("<html></html>".utf8), "test/owl/102.png")
        return photos
    }

    private func runs(_ photos: Photos) throws -> [RunDirectory] {
        try RunDirectory.all(inExperiment: photos.folder.path + "/results/photos")
    }

    @Test func whatACheckHasSeenIsRefusedAtTheStart() throws {
        let photos = try damaged()
        let spec = try photos.spec()
        let check = try photos.run(["data", "check", spec])
        #expect(check.status == 1 && check.output.contains("2 cannot be read"), "\(check.output) \(check.error)")
        let run = try photos.run(["run", spec])
        #expect(run.status == 64, "\(run.error)")
        #expect(run.error.contains("\(photos.root)/train/dog/103.png: error: cannot be read (PNG: "), "\(run.error)")
        #expect(!FileManager.default.fileExists(atPath: photos.folder.path + "/results"))
        // Once it is mended, the other is still known.
        try photos.put(Data(contentsOf: URL(fileURLWithPath: photos.root + "/train/dog/100.png")), "train/dog/103.png")
        let other = try photos.run(["run", spec])
        #expect(other.status == 64 && other.error.contains("test/owl/102.png: error: cannot be read"), "\(other.error)")
        // Not where no run would come to it.
        let few = try photos.run(["run", spec, "--set", "evaluation.test_images=2"])
        #expect(few.status == 0, "\(few.error)")
    }

    @Test func aCheckOfTheFolderCountsToo() throws {
        let photos = try damaged()
        #expect(try photos.run(["data", "check", "set"]).status == 1)
        let run = try photos.run(["run", try photos.spec()])
        #expect(run.status == 64 && run.error.contains("train/dog/103.png"), "\(run.error)")
    }

    @Test func theyAreLeftOutOfEveryRunAlikeAlsoAfterAResume() throws {
        let photos = try damaged()
        let spec = try photos.spec("dataset: image_folder, on_unreadable: skip", training: "steps: 1500")
        let options = [spec, "--set", "evaluation.every_steps=0", "--set", "diagnostics.gradient_norms_every=0"]
        let stopped = try photos.run(["run"] + options) { process, errorFile in
            waitUntil(process) {
                let found = (try? runs(photos)) ?? []
                return found.contains { ((try? $0.loadState())?.step ?? 0) > 5 }
            }
            process.interrupt()
        }
        #expect(stopped.status == 75, "\(stopped.error)")
        #expect(
            stopped.error.contains("warning: 2 images of \(photos.root) cannot be read and are left out of every run"))
        let finished = try photos.run(["run"] + options)
        #expect(finished.status == 0, "\(finished.error)")
        #expect(finished.error.contains("resumes from step"), "\(finished.error)")
        let lists = try runs(photos).map { try String(contentsOfFile: $0.skippedImagesFile, encoding: .utf8) }
        #expect(lists.count == 2 && Set(lists).count == 1)
        let lines = lists[0].split(separator: "\n")
        #expect(lines.count == 2 && lines[0].hasPrefix("dog/103.png\tPNG: ") && lines[1].hasPrefix("owl/102.png\t"))
        let files = try runs(photos).map { try RunFile(path: $0.resultsFile) }
        #expect(Set(files.map { $0.provenance["dataset_skipped_images"] }).count == 1)
        #expect(files.allSatisfy { $0.skippedImageCount == 2 })
        let note =
            "2 images could not be read and were left out of every run (data.on_unreadable: skip); listed in "
        // A note may go over several lines.
        #expect(
            finished.output.replacing(/\n */, with: " ").contains(note + "results/photos/cjepa-s0-"),
            "\(finished.output)")
        for command in [["table", "photos"], ["table", "photos", "--format", "latex"]] {
            let table = try photos.run(command)
            #expect(table.output.contains("2 images could not be read"), "\(table.output)")
        }
        let report = try photos.run(["report", "photos", "--output", "r.html"])
        #expect(report.status == 0, "\(report.error)")
        let page = try String(contentsOfFile: photos.folder.path + "/r.html", encoding: .utf8)
        #expect(page.contains("2 images could not be read"))
    }
}
