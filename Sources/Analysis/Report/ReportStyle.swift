/// The page's style sheet and script; nothing is loaded from elsewhere.
enum ReportStyle {
    /// Colours of labels and findings; further ones repeat them.
    static let labelColors = Palette.labelsOnWhite.count

    static func css(_ styles: [ArmStyle]) -> String {
        func variables(_ palette: [String]) -> String {
            palette.enumerated().map { "--c\($0):\($1);" }.joined()
        }
        let (light, dark) = (Palette.labelsOnWhite, Palette.labelsOnBlack)
        let arms = styles.enumerated().map { index, style -> String in
            let dash = ArmStyle.dashes[style.dash].map { pixel($0 * ChartTheme.page.lineWidth) }.joined(separator: " ")
            return ".a\(index){--c:var(--c\(style.hue));--dash:\(dash.isEmpty ? "none" : dash)}"
                + ".hide\(index) g.arm.a\(index){display:none}"
        }
        let hues = (0..<Palette.hues).map { ".h\($0){--c:var(--c\($0))}" }
        let labels = (0..<labelColors).map { ".l\($0){--c:var(--c\($0))}" }
        let classes = arms + [hues.joined(), labels.joined()]
        return """
            :root{--fg:#1d2330;--bg:#fff;--soft:#5c6577;--line:#d8dde6;--panel:#f6f7f9;\(variables(light))}
            @media (prefers-color-scheme:dark){:root{--fg:#e7eaf0;--bg:#14171d;--soft:#a2abbb;--line:#333a46;\
            --panel:#1c2129;\(variables(dark))}}
            *{box-sizing:border-box}
            body{margin:0 auto;max-width:1240px;padding:1.2rem;color:var(--fg);background:var(--bg);\
            font:15px/1.5 system-ui,sans-serif}
            h1{font-size:1.6rem;margin:.2em 0}h2{font-size:1.2rem;margin:2em 0 .5em;border-bottom:1px solid var(--line)}
            p,li{max-width:75ch}.soft,figcaption{color:var(--soft);font-size:.88rem}figcaption b{color:var(--fg)}
            .scroll{overflow-x:auto}
            table{border-collapse:collapse;font-variant-numeric:tabular-nums;font-size:.88rem}
            th,td{padding:.25em .7em;text-align:right;border-bottom:1px solid var(--line);white-space:nowrap}
            th:first-child,td:first-child{text-align:left}th{color:var(--soft);font-weight:600}
            table.sortable th{cursor:pointer}th[aria-sort=ascending]::after{content:" ▲"}\
            th[aria-sort=descending]::after{content:" ▼"}
            td.text,th.text{text-align:left;white-space:normal;min-width:12em}
            .grid2{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,340px),1fr));gap:1rem}
            .grid3{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,240px),1fr));gap:1rem}
            figure{margin:0;padding:.6rem;background:var(--panel);border:1px solid var(--line);border-radius:6px}
            figure img{max-width:100%;height:auto;background:#fff}figure.picture{margin-bottom:1rem}
            figure.timeline{max-width:760px;margin:1rem 0}.timeline rect{fill:var(--c)}
            nav{display:flex;flex-wrap:wrap;gap:.2rem 1rem;font-size:.88rem}a{color:var(--c0)}
            details{margin:.8rem 0}summary{cursor:pointer;font-weight:600}details .grid2,details .scroll{margin-top:.6rem}
            svg{width:100%;height:auto;display:block}svg text{font-size:11px;fill:var(--soft)}
            .grid,.tick,.cursor{stroke:var(--line)}.cursor{stroke:var(--soft)}.frame{fill:none;stroke:var(--line)}
            .arm{--c:var(--soft)}g.arm polyline{fill:none;stroke:var(--c);stroke-width:1.7;\
            stroke-dasharray:var(--dash);stroke-linejoin:round}g.arm .marker{fill:var(--c)}
            g.arm .stroke{stroke:var(--c);stroke-width:1.7}g.arm .bar{fill:var(--c);fill-opacity:.45;stroke:var(--c)}
            g.arm .seed{fill:var(--bg);stroke:var(--fg)}svg text.strong{fill:var(--fg)}
            .zero{stroke:var(--fg)}.reference{stroke:var(--soft);stroke-dasharray:5 3}.dotted{stroke-dasharray:1.5 2.5}
            g.arm .band{fill:var(--c);stroke:none}g.point circle{fill:var(--c);opacity:.75}
            [data-arm]{transition:opacity .12s}body.lit [data-arm]:not(.on){opacity:.14}
            li[data-arm],tr[data-arm]{cursor:default}.key{display:inline-block;width:2em;height:.75em;margin-right:.4em}
            .question{font-size:1.1rem;margin:.3em 0}.answer{border-left:3px solid var(--c0);padding-left:.8rem;margin:.6rem 0}
            .answer p{margin:.25em 0;max-width:none}
            .first{display:grid;grid-template-columns:minmax(0,1fr);gap:1rem;margin:.8rem 0;align-items:start}
            @media (min-width:1000px){.first{grid-template-columns:minmax(0,4fr) minmax(0,5fr)}\
            .first>:only-child{max-width:760px}p.soft{max-width:none}}
            .short th,.short td{padding:.2em .45em;font-size:.84rem}.short th{white-space:normal;vertical-align:bottom}.short p{margin:.5em 0}td.clear{font-weight:700}td.verdict{text-align:left;white-space:normal;min-width:8em}
            td.verdict.bad{color:var(--c1)}tr.floor td{color:var(--soft)}.short .key{vertical-align:-.05em}
            .rows svg.narrow{display:none}@media (max-width:560px){.rows svg.narrow{display:block}.rows svg.wide{display:none}}
            figcaption{margin-bottom:.3rem}
            summary h2{display:inline;border:0;margin:0}details.section{border-top:1px solid var(--line);padding-top:.6rem}
            ul.legend{list-style:none;display:flex;flex-wrap:wrap;gap:.2rem 1rem;padding:0;font-size:.88rem}
            .legend i{display:inline-block;width:1.1em;height:.35em;margin-right:.4em;vertical-align:.2em;\
            background:var(--c)}
            .legend label{cursor:pointer}.legend input{margin:0 .3em 0 0}
            #tip{position:fixed;pointer-events:none;background:var(--bg);border:1px solid var(--line);\
            border-radius:4px;padding:.35em .6em;font-size:.8rem;box-shadow:0 2px 8px #0003;display:none;z-index:2}
            #tip i{display:inline-block;width:.7em;height:.7em;margin-right:.4em;background:var(--c)}
            pre{background:var(--panel);border:1px solid var(--line);padding:.6em;overflow-x:auto;font-size:.8rem}
            \(classes.joined(separator: "\n"))
            @media print{:root{--fg:#000;--bg:#fff;--soft:#444;--line:#bbb;--panel:#fff;\(variables(light))}\
            #tip,.switch,nav{display:none!important}figure,tr{break-inside:avoid}h2,h3,summary{break-after:avoid}\
            .scroll{overflow:visible}.scroll table{font-size:.62rem}\
            .scroll th,.scroll td{white-space:normal;padding:.15em .35em}}
            """
    }

    /// Sorting of tables, values under the pointer, and the switches of the arms.
    static let script = #"""
        (() => {
          const tip = document.getElementById("tip");
          const shown = (v, percent) =>
            v === null ? "–" : percent ? (100 * v).toFixed(1) : String(+v.toPrecision(4));
          for (const figure of document.querySelectorAll("figure.chart")) {
            const svg = figure.querySelector("svg"), cursor = svg.querySelector(".cursor");
            const data = JSON.parse(figure.querySelector("script").textContent);
            const scale = v => data.log ? Math.log(v) : v;
            const move = event => {
              const box = svg.getBoundingClientRect();
              const place = (event.clientX - box.left) / box.width * data.width;
              const share = (place - data.left) / (data.right - data.left);
              if (share < -0.02 || share > 1.02) return leave();
              const wanted = scale(data.min) + share * (scale(data.max) - scale(data.min));
              const rows = [];
              let nearest = null;
              for (const s of data.series) {
                if (document.body.classList.contains("hide" + s.a)) continue;
                let best = -1;
                s.x.forEach((x, i) => {
                  if (best < 0 || Math.abs(scale(x) - wanted) < Math.abs(scale(s.x[best]) - wanted)) best = i;
                });
                if (best < 0) continue;
                if (nearest === null || Math.abs(scale(s.x[best]) - wanted) < Math.abs(scale(nearest) - wanted))
                  nearest = s.x[best];
                rows.push({s, i: best});
              }
              if (nearest === null) return leave();
              tip.textContent = "";
              const head = document.createElement("div");
              head.textContent = data.label + " " + shown(nearest, false);
              tip.append(head);
              rows.sort((a, b) => (b.s.y[b.i] ?? -Infinity) - (a.s.y[a.i] ?? -Infinity));
              for (const {s, i} of rows) {
                const row = document.createElement("div"), mark = document.createElement("i");
                row.className = "a" + s.a;
                const range = s.h[i] > s.l[i]
                  ? " (" + shown(s.l[i], data.percent) + " to " + shown(s.h[i], data.percent) + ")" : "";
                row.append(mark, s.n + ": " + shown(s.y[i], data.percent) + range);
                tip.append(row);
              }
              const x = data.left
                + (scale(nearest) - scale(data.min)) / (scale(data.max) - scale(data.min)) * (data.right - data.left);
              cursor.setAttribute("x1", x); cursor.setAttribute("x2", x); cursor.setAttribute("visibility", "visible");
              tip.style.display = "block";
              const left = event.clientX + 14, width = tip.offsetWidth;
              tip.style.left = (left + width > innerWidth ? Math.max(0, event.clientX - width - 14) : left) + "px";
              tip.style.top = Math.min(event.clientY + 14, innerHeight - tip.offsetHeight - 4) + "px";
            };
            const leave = () => { tip.style.display = "none"; cursor.setAttribute("visibility", "hidden"); };
            svg.addEventListener("pointermove", move);
            svg.addEventListener("pointerdown", move);
            svg.addEventListener("pointerleave", leave);
          }
          // An arm that is pointed at stands out everywhere.
          let lit = null;
          const light = arm => {
            if (arm === lit) return;
            lit = arm;
            document.body.classList.toggle("lit", arm !== null);
            for (const mark of document.querySelectorAll("[data-arm]"))
              mark.classList.toggle("on", mark.dataset.arm === arm);
          };
          document.addEventListener("pointerover", event => {
            const mark = event.target.closest?.("[data-arm]");
            light(mark ? mark.dataset.arm : null);
          });
          document.addEventListener("pointerleave", () => light(null));
          // A link to a folded section opens it.
          const open = () => {
            const target = location.hash && document.getElementById(location.hash.slice(1));
            const part = target && target.closest("details");
            if (part) { part.open = true; target.scrollIntoView(); }
          };
          addEventListener("hashchange", open);
          open();
          for (const input of document.querySelectorAll(".switch input"))
            input.addEventListener("change", () => {
              document.body.classList.toggle("hide" + input.value, !input.checked);
              for (const other of document.querySelectorAll(".switch input"))
                if (other.value === input.value) other.checked = input.checked;
            });
          // Paper shows everything; what the reader had closed is closed again.
          const opened = [];
          addEventListener("beforeprint", () => {
            for (const part of document.querySelectorAll("details:not([open])")) { part.open = true; opened.push(part); }
          });
          addEventListener("afterprint", () => { for (const part of opened.splice(0)) part.open = false; });
          for (const table of document.querySelectorAll("table.sortable")) {
            const heads = [...table.tHead.rows[0].cells];
            heads.forEach((head, column) => {
              head.tabIndex = 0;
              const sort = () => {
                const up = head.getAttribute("aria-sort") !== "ascending";
                heads.forEach(other => other.removeAttribute("aria-sort"));
                head.setAttribute("aria-sort", up ? "ascending" : "descending");
                const key = row => row.cells[column].dataset.value ?? row.cells[column].textContent.replace("−", "-");
                const rows = [...table.tBodies[0].rows];
                rows.sort((a, b) => {
                  const [x, y] = [key(a), key(b)];
                  if (x === "" || y === "") return (x === "") - (y === "");
                  const order = isNaN(x) || isNaN(y) ? x.localeCompare(y) : x - y;
                  return up ? order : -order;
                });
                rows.forEach(row => table.tBodies[0].append(row));
              };
              head.addEventListener("click", sort);
              head.addEventListener("keydown", event => { if (event.key === "Enter") sort(); });
            });
          }
          document.documentElement.dataset.ready = "yes";
        })();
        """#
}
