import Foundation
import Testing

/// The page that `report` writes, as a browser sees it.
@Suite(.smokeRun) struct ReportCommandTests {
    private static let browser = "/usr/bin/chromium-headless-shell"
    private static let hasBrowser = FileManager.default.isExecutableFile(atPath: browser)

    /// Loads a page in a frame of the given width, in light or dark colours, and returns what the browser makes of it,
    /// and what it complains of.
    private func load(_ page: String, width: Int, isDark: Bool, in folder: TemporaryFolder) throws -> (
        page: String, messages: String
    ) {
        // What the frame looks like from inside is written into the frame's page, and from there into the outer one.
        let probe = """
            <script>addEventListener("load", () => parent.postMessage({
              ready: document.documentElement.dataset.ready ?? "no",
              charts: document.querySelectorAll("figure.chart polyline").length,
              maps: document.querySelectorAll("figure.map circle").length,
              pictures: [...document.images].filter(image => image.naturalWidth > 0).length,
              attention: document.querySelectorAll(".grid3 figure.picture img").length,
              verdicts: document.querySelectorAll("#verdicts-arms tbody tr").length,
              timeline: document.querySelectorAll("figure.timeline rect title").length,
              sections: [...document.querySelectorAll("nav a")].filter(
                a => document.querySelector(a.getAttribute("href"))).map(a => a.textContent),
              loaded: performance.getEntriesByType("resource").filter(e => !e.name.startsWith("data:")).length,
              printed: (() => {
                const closed = () => document.querySelectorAll("details:not([open])").length, before = closed();
                dispatchEvent(new Event("beforeprint"));
                const during = closed();
                dispatchEvent(new Event("afterprint"));
                return [Math.sign(before), during, closed() - before];
              })(),
              forest: (() => {
                const figure = document.querySelector("figure.rows").getBoundingClientRect();
                return [document.querySelectorAll("figure.rows svg.wide g.arm").length, Math.sign(figure.height),
                  figure.top < innerHeight ? 1 : 0];
              })(),
              lit: (() => {
                const mark = document.querySelector("ul.legend li[data-arm='1']");
                mark.dispatchEvent(new PointerEvent("pointerover", {bubbles: true}));
                const arms = [...document.querySelectorAll(".on")].map(mark => mark.dataset.arm);
                const lit = document.body.classList.contains("lit");
                document.body.dispatchEvent(new PointerEvent("pointerover", {bubbles: true}));
                return [lit ? 1 : 0, arms.length > 10 && arms.every(arm => arm === "1") ? 1 : 0,
                  document.querySelectorAll(".on").length];
              })(),
              overflow: document.documentElement.scrollWidth - innerWidth,
              ...(() => {
                // Relative luminance and contrast as WCAG 2.1 defines them, of all text against what lies behind it.
                const channels = colour => colour.match(/[\\d.]+/g).map(Number);
                const luminance = colour => channels(colour).slice(0, 3).map(c => c / 255).map(
                  c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4
                ).reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
                const ground = element => {
                  for (let e = element; e; e = e.parentElement) {
                    const colour = getComputedStyle(e).backgroundColor;
                    if ((channels(colour)[3] ?? 1) === 1) return luminance(colour);
                  }
                  return 1;
                };
                const texts = [...document.body.querySelectorAll("*")].filter(e => !["SCRIPT", "STYLE", "title"].includes(e.tagName)
                  && [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim()));
                const ratios = texts.map(e => {
                  const style = getComputedStyle(e);
                  const [text, behind] = [luminance(e.closest("svg") ? style.fill : style.color), ground(e)];
                  return (Math.max(text, behind) + 0.05) / (Math.min(text, behind) + 0.05);
                });
                return {ground: ground(document.body), texts: texts.length, contrast: Math.min(...ratios)};
              })(),
              tip: (() => {
                const svg = document.querySelector("figure.chart svg"), box = svg.getBoundingClientRect();
                svg.dispatchEvent(new PointerEvent("pointermove",
                  {clientX: box.left + box.width / 2, clientY: box.top + 20}));
                return document.getElementById("tip").textContent;
              })(),
              sorted: (() => {
                const table = document.getElementById("comparison");
                table.tHead.rows[0].cells[2].click();
                return [...table.tBodies[0].rows].map(row => row.cells[2].dataset.value).filter(v => v !== "");
              })(),
            }, "*"))</script>
            """
        let inner = try String(contentsOfFile: page, encoding: .utf8).replacing("</body>", with: probe + "</body>")
        _ = try folder.write(inner, to: "inner.html")
        let outer = try folder.write(
            """
            <!DOCTYPE html><html><body><iframe src="inner.html" width="\(width)" height="800"></iframe><pre></pre>
            <script>addEventListener("message", event =>
              document.querySelector("pre").textContent = JSON.stringify(event.data))</script></body></html>
            """, to: "outer\(width).html")
        let result = try Program.run(
            [
                "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", "--virtual-time-budget=10000",
                "--user-data-dir=\(folder.path)/profile", "--window-size=2000,1000",
                "--blink-settings=preferredColorScheme=\(isDark ? 0 : 1)", "--dump-dom", "file://\(outer)",
            ], executable: Self.browser)
        #expect(result.status == 0, "\(result.error)")
        return (result.output, result.error)
    }

    @Test(.enabled(if: hasBrowser, "chromium-headless-shell is not installed"))
    func `The page works in a browser, on a desk and in a hand, by day and by night`() throws {
        let folder = try TemporaryFolder()
        let page = folder.path + "/report.html"
        let written = try Program.run(["report", "smoke", "--results", SmokeRun.results, "--output", page])
        #expect(written.status == 0, "\(written.error)")
        #expect(written.output == page + "\n")
        for (width, isDark) in [(1280, false), (1280, true), (390, false), (390, true), (1920, false), (1920, true)] {
            let loaded = try load(page, width: width, isDark: isDark, in: folder)
            let text = try #require(loaded.page.firstMatch(of: /<pre>(\{.*\})<\/pre>/)?.output.1)
            let seen = try #require(
                JSONSerialization.jsonObject(with: Data(text.replacing("&amp;", with: "&").utf8)) as? [String: Any])
            #expect(seen["ready"] as? String == "yes")
            #expect((seen["charts"] as? Int ?? 0) >= 8, "\(seen)")
            #expect((seen["maps"] as? Int ?? 0) >= 100, "\(seen)")
            // One picture of the masks that all arms share, and the attention of each arm.
            #expect(seen["pictures"] as? Int == 4 && seen["attention"] as? Int == 3, "\(seen)")
            #expect(seen["verdicts"] as? Int == 3 && (seen["timeline"] as? Int ?? 0) >= 3, "\(seen)")
            #expect(
                seen["sections"] as? [String] == [
                    "Curves", "Collapse", "Spectra", "Embeddings", "Masks and attention", "Comparison", "Plan",
                    "Loss terms", "Gradients of the loss terms", "Features of the context encoder", "Diagnostics",
                    "Cost", "Provenance",
                ], "\(seen)")
            #expect(seen["loaded"] as? Int == 0, "\(seen)")
            #expect(seen["printed"] as? [Int] == [1, 0, 0], "\(seen)")
            // Two arms beside the baseline, within the first screen; then what happens where an arm is pointed at.
            #expect(seen["forest"] as? [Int] == [2, 1, 1], "\(seen)")
            #expect(seen["lit"] as? [Int] == [1, 1, 0], "\(seen)")
            #expect((seen["overflow"] as? Int ?? 99) <= 0, "at \(width): \(seen)")
            let ground = try #require((seen["ground"] as? NSNumber)?.doubleValue)
            #expect(isDark ? ground < 0.05 : ground > 0.9, "\(seen)")
            // 4.5 is what WCAG 2.1 asks of text of ordinary size (AA).
            #expect((seen["texts"] as? Int ?? 0) > 100)
            #expect((seen["contrast"] as? NSNumber)?.doubleValue ?? 0 >= 4.5, "at \(width), dark \(isDark): \(seen)")
            #expect((seen["tip"] as? String)?.hasPrefix("step ") == true, "\(seen)")
            let values = (seen["sorted"] as? [String] ?? []).compactMap(Double.init)
            #expect(values.count >= 2 && values == values.sorted(), "\(seen)")
            let complaints = loaded.messages.split(separator: "\n").filter { $0.contains("CONSOLE") }
            #expect(complaints.isEmpty, "\(complaints)")
        }
    }

    @Test func `Pictures show the images that were asked for, and what is missing is said`() throws {
        let folder = try TemporaryFolder()
        try FileManager.default.copyItem(atPath: SmokeRun.results + "/smoke", toPath: folder.path + "/smoke")
        for run in try FileManager.default.contentsOfDirectory(atPath: folder.path + "/smoke")
        where run.hasPrefix("cjepa-") {
            let path = folder.path + "/smoke/" + run
            for file in try FileManager.default.contentsOfDirectory(atPath: path) where file.hasPrefix("checkpoint-") {
                try FileManager.default.removeItem(atPath: path + "/" + file)
            }
        }
        let page = folder.path + "/report.html"
        let program = try Program.run(
            ["report", "smoke", "--results", folder.path, "--output", page, "--images", "3,1"])
        #expect(program.status == 0, "\(program.error)")
        let text = try String(contentsOfFile: page, encoding: .utf8)
        #expect(text.components(separatedBy: "test images 3, 1</figcaption>").count - 1 == 2)
        #expect(text.contains("<b>ijepa, baseline</b>"))
        #expect(text.contains("cjepa: no run has a checkpoint, so its attention cannot be drawn."))
        #expect(text.utf8.count < 3_000_000)
        for images in ["0,x", "-1", "99999", ","] {
            let wrong = try Program.run(
                ["report", "smoke", "--results", folder.path, "--output", page, "--images=\(images)"])
            #expect(wrong.status == 64 && wrong.error.contains("--images"), "\(images): \(wrong.error)")
        }
    }

    @Test func `A watch over an experiment that has ended writes the page once, to be loaded once`() throws {
        let folder = try TemporaryFolder()
        let page = folder.path + "/report.html"
        let program = try Program.run(
            ["report", "smoke", "--results", SmokeRun.results, "--output", page, "--watch", "--interval", "1"])
        #expect(program.status == 0 && program.output == page + "\n", "\(program.error)")
        #expect(!(try String(contentsOfFile: page, encoding: .utf8).contains("http-equiv=\"refresh\"")))
        for options in [["--interval", "1"], ["--watch", "--interval", "0"]] {
            let wrong = try Program.run(["report", "smoke", "--results", SmokeRun.results, "--output", page] + options)
            #expect(wrong.status == 64 && wrong.error.contains("--interval"), "\(wrong.error)")
        }
    }

    @Test func `A watch shows what a running matrix has, until it has ended`() throws {
        let folder = try TemporaryFolder()
        let page = folder.path + "/report.html"
        var (early, watched) = ("", Program(status: -1, output: "", error: ""))
        let run = try Program.run(["run", SmokeRun.spec, "--results", folder.path, "--workers", "1"]) { process, _ in
            while process.isRunning, !FileManager.default.fileExists(atPath: folder.path + "/smoke/experiment.json") {
                Thread.sleep(forTimeInterval: 0.05)
            }
            watched = try Program.run(
                ["report", "smoke", "--results", folder.path, "--output", page, "--watch", "--interval", "0.5"]
            ) { watch, _ in
                while watch.isRunning, early.isEmpty {
                    early = (try? String(contentsOfFile: page, encoding: .utf8)) ?? ""
                    Thread.sleep(forTimeInterval: 0.05)
                }
            }
        }
        #expect(run.status == 0 && watched.status == 0, "\(run.error) \(watched.error)")
        #expect(
            early.contains("<meta http-equiv=\"refresh\" content=\"1\">") && early.contains("Runs that are not done"))
        let last = try String(contentsOfFile: page, encoding: .utf8)
        #expect(!last.contains("http-equiv=\"refresh\"") && last.contains("3 runs, 3 done"))
    }

    @Test func `Without its experiment there is an error that says what there is`() throws {
        let result = try Program.run(["report", "nothing", "--results", SmokeRun.results])
        #expect(result.status == 64)
        #expect(result.error.contains("smoke"), "\(result.error)")
    }
}
