extension String {
    /// Text in which LaTeX sees no command, and which pdfLaTeX's own fonts can set: its ten special letters and signs
    /// outside Latin are replaced. A letter without a replacement is given by its code point, so that it is not lost
    /// silently, as LuaLaTeX does, nor stops the run, as pdfLaTeX does.
    var escapedForLaTeX: String { unicodeScalars.map(\.escapedForLaTeX).joined() }

    /// A cell as LaTeX sets it: numbers with an exponent as powers of ten, everything else as text.
    var cellForLaTeX: String {
        replacing(#/([0-9.]+)e([+-]?)0*([0-9]+)/#) { match in
            // Marked here and set after escaping; the marks are control characters, which no text keeps.
            "\(match.1)\u{1}\(match.2 == "-" ? "-" : "")\(match.3)\u{2}"
        }
        .escapedForLaTeX.replacing("\u{1}", with: "$\\times 10^{").replacing("\u{2}", with: "}$")
    }

    /// A number in math mode.
    var numberForLaTeX: String {
        replacing(#/([0-9.]+)e([+-]?)0*([0-9]+)/#) { match in
            "\(match.1) \\times 10^{\(match.2 == "-" ? "-" : "")\(match.3)}"
        }
    }
}

extension Unicode.Scalar {
    fileprivate var escapedForLaTeX: String {
        switch self {
        case "\\": "\\textbackslash{}"
        case "~": "\\textasciitilde{}"
        case "^": "\\textasciicircum{}"
        case "&", "%", "$", "#", "_", "{", "}": "\\\(self)"
        case "–": "--"
        case "—": "---"
        case "\u{2018}": "`"
        case "\u{2019}": "'"
        case "\u{201C}": "``"
        case "\u{201D}": "''"
        case "…": "\\dots{}"
        case "\t", "\n", "\r": " "
        case "\"": "''"
        // Other letters in the text encoding that LaTeX starts with.
        case "<", ">", "|": "$\(self)$"
        case "\u{1}", "\u{2}": "\(self)"
        case "\u{20}"..."\u{7E}", "\u{C0}"..."\u{D6}", "\u{D8}"..."\u{F6}", "\u{F8}"..."\u{FF}": "\(self)"
        default: Self.math[self].map { "$\($0)$" } ?? "[U+\(String(value, radix: 16, uppercase: true))]"
        }
    }

    /// Commands of LaTeX's own math fonts.
    private static let math: [Unicode.Scalar: String] = [
        "−": "-", "±": "\\pm", "×": "\\times", "·": "\\cdot", "√": "\\surd", "∞": "\\infty", "‖": "\\|", "∈": "\\in",
        "≤": "\\le", "≥": "\\ge", "≠": "\\ne", "≈": "\\approx", "∝": "\\propto", "°": "^\\circ",
        "→": "\\to", "←": "\\leftarrow", "↑": "\\uparrow", "↓": "\\downarrow", "Σ": "\\Sigma", "Δ": "\\Delta",
        "α": "\\alpha", "β": "\\beta", "γ": "\\gamma", "δ": "\\delta", "ε": "\\varepsilon", "η": "\\eta",
        "θ": "\\theta", "κ": "\\kappa", "λ": "\\lambda", "μ": "\\mu", "µ": "\\mu", "ν": "\\nu", "π": "\\pi",
        "ρ": "\\rho",
        "σ": "\\sigma", "τ": "\\tau", "φ": "\\varphi", "χ": "\\chi", "ψ": "\\psi", "ω": "\\omega",
        "₀": "_0", "₁": "_1", "₂": "_2", "₃": "_3", "₄": "_4", "₅": "_5", "₆": "_6", "₇": "_7", "₈": "_8", "₉": "_9",
        "⁰": "^0", "¹": "^1", "²": "^2", "³": "^3", "⁴": "^4", "⁵": "^5", "⁶": "^6", "⁷": "^7", "⁸": "^8", "⁹": "^9",
        "⁻": "^{-}",
    ]
}
