/// The verdict on features at one moment: a matrix, or patches with their images' means.
package struct FeatureVerdict: Sendable, Hashable, CustomStringConvertible {
    /// What is wrong, the gravest first; none: healthy.
    package let findings: [Finding]
    package let evidence: [Finding: [Evidence]]

    /// - Parameters:
    ///   - name: What evidence calls the features: "target".
    ///   - images: Of features of images, or of a plain matrix.
    ///   - patches, within: Of single patches and of their residuals from the image's mean, where there are any.
    ///   - peak: The highest ranks of `images` before.
    ///   - hasKnownScale: Whether features come from a LayerNorm.
    package init(
        name: String, images: FeatureReading, patches: FeatureReading? = nil, within: FeatureReading? = nil,
        peak: (rankMe: Double, effectiveRank: Double)? = nil, hasKnownScale: Bool, thresholds: VerdictThresholds
    ) {
        var evidence: [Finding: [Evidence]] = [:]
        evidence[.nonFinite] = images.nonFinite(name)
        if images.isFinite {
            evidence[.completeCollapse] = images.completeCollapse(name, thresholds, hasKnownScale: hasKnownScale)
            // What has no scale has no rank worth the name.
            if evidence[.completeCollapse]?.isEmpty ?? true {
                evidence[.dimensionalCollapse] = images.dimensionalCollapse(name, thresholds, peak: peak)
                if let patches, let within, patches.isFinite, within.isFinite {
                    evidence[.patchCollapse] = within.patchCollapse(name, thresholds, patches: patches)
                }
            }
        }
        self.evidence = evidence.filter { !$0.value.isEmpty }
        findings = Finding.allCases.filter { [evidence = self.evidence] in evidence[$0] != nil }
    }

    package var isHealthy: Bool { findings.isEmpty }

    /// "healthy", or "complete collapse (target: rankme 1.4 < 2)".
    package var description: String {
        guard !isHealthy else { return "healthy" }
        return findings.map { finding in
            "\(finding.words) (\((evidence[finding] ?? []).map(\.text).joined(separator: ", ")))"
        }.joined(separator: "; ")
    }
}
