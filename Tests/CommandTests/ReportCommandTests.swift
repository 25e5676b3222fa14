import Foundation
import Testing

/// The page that `report` writes, as a browser sees it.
@Suite(.smokeRun) struct ReportCommandTests {
    private static let browser = "/usr/bin/chromium-headless-shell"
    private static let hasBrowser = FileManager.default.isExecutableFile(atPath: browser)

    /// Loads a page in a frame of the given width and returns what the browser makes of it, and what it complains of.
    private func load(_ page: String, width: Int, in folder: TemporaryFolder) throws -> (page: String, messages: String)
    {
        // What the frame looks like from inside is written into the frame's page, and from there into the outer one.
        let probe = """
            <script>addEventListener("load", () => parent.postMessage({
              ready: document.documentElement.dataset.ready ?? "no",
              charts: document.querySelectorAll("figure.chart polyline").length,
              maps: document.querySelectorAll("figure.map circle").length,
              pictures: [...document.images].filter(image => image.naturalWidth > 0).length,
              overflow: document.documentElement.scrollWidth - innerWidth,
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
                "--user-data-dir=\(folder.path)/profile", "--window-size=1400,1000", "--dump-dom", "file://\(outer)",
            ], executable: Self.browser)
        #expect(result.status == 0, "\(result.error)")
        return (result.output, result.error)
    }

    @Test(.enabled(if: hasBrowser, "chromium-headless-shell is not installed"))
    func `The page works in a browser, on a desk and in a hand`() throws {
        let folder = try TemporaryFolder()
        let page = folder.path + "/report.html"
        let written = try Program.run(["report", "smoke", "--results", SmokeRun.results, "--output", page])
        #expect(written.status == 0, "\(written.error)")
        #expect(written.output == page + "\n")
        for width in [1280, 390] {
            let loaded = try load(page, width: width, in: folder)
            let text = try #require(loaded.page.firstMatch(of: /<pre>(\{.*\})<\/pre>/)?.output.1)
            let seen = try #require(
                JSONSerialization.jsonObject(with: Data(text.replacing("&amp;", with: "&").utf8)) as? [String: Any])
            #expect(seen["ready"] as? String == "yes")
            #expect((seen["charts"] as? Int ?? 0) >= 8, "\(seen)")
            #expect((seen["maps"] as? Int ?? 0) >= 100, "\(seen)")
            #expect(seen["pictures"] as? Int == 1, "\(seen)")
            #expect((seen["overflow"] as? Int ?? 99) <= 0, "at \(width): \(seen)")
            #expect((seen["tip"] as? String)?.hasPrefix("step ") == true, "\(seen)")
            let values = (seen["sorted"] as? [String] ?? []).compactMap(Double.init)
            #expect(values.count >= 2 && values == values.sorted(), "\(seen)")
            let complaints = loaded.messages.split(separator: "\n").filter { $0.contains("CONSOLE") }
            #expect(complaints.isEmpty, "\(complaints)")
        }
    }

    @Test func `Without its experiment there is an error that says what there is`() throws {
        let result = try Program.run(["report", "nothing", "--results", SmokeRun.results])
        #expect(result.status == 64)
        #expect(result.error.contains("smoke"), "\(result.error)")
    }
}
