import Foundation
import Testing

/// Feature files written by numpy, h5py and by hand, against what numpy makes of them.
@Suite struct DiagnoseCommandTests {
    /// The files of Tests/Python/make_features.py, made once.
    nonisolated(unsafe) private static let files:
        Result<(folder: TemporaryFolder, expected: [String: Any]), any Error> = Result {
            let folder = try TemporaryFolder()
            let python = try Program.run(
                [Program.repository + "/Tests/Python/make_features.py", folder.path], executable: "/usr/bin/python3",
                environment: ["PYTHONDONTWRITEBYTECODE": "1"])
            try #require(python.status == 0, "python3-numpy and python3-h5py are needed: \(python.error)")
            let data = try Data(contentsOf: URL(fileURLWithPath: folder.path + "/expected.json"))
            return (folder, try #require(JSONSerialization.jsonObject(with: data) as? [String: Any]))
        }

    private func diagnose(_ file: String, _ options: String...) throws -> Program {
        try Program.run(["diagnose", try Self.files.get().folder.path + "/" + file] + options)
    }

    private func expected<Value>(_ key: String, as: Value.Type = Value.self) throws -> Value {
        try #require(try Self.files.get().expected[key] as? Value)
    }

    /// view → measure → value.
    private func measures(_ json: [String: Any]) throws -> [String: [String: Double]] {
        let views = try #require(json["views"] as? [[String: Any]])
        return try Dictionary(
            uniqueKeysWithValues: views.map { view in
                let measures = try #require(view["measures"] as? [[String: Any]])
                for measure in measures { #expect((measure["convention"] as? String)?.isEmpty == false) }
                let values = measures.compactMap { measure in
                    (measure["value"] as? Double).map { (measure["name"] as? String ?? "", $0) }
                }
                return (try #require(view["name"] as? String), Dictionary(uniqueKeysWithValues: values))
            })
    }

    private func compare(
        _ measured: [String: Double]?, _ expected: [String: Double], tolerance: Double = 1e-5,
        sourceLocation: SourceLocation = #_sourceLocation
    ) {
        for (name, value) in expected {
            let own = measured?[name] ?? .nan
            #expect(
                abs(own - value) <= tolerance * max(abs(value), 1e-2), "\(name): \(own), numpy \(value)",
                sourceLocation: sourceLocation)
        }
    }

    @Test(
        "every format and element type gives numpy's numbers",
        arguments: [
            "half.npy", "single.npy", "double.npy", "big.npy", "fortran.npy", "stored.npz", "deflated.npz", "plain.h5",
            "half.h5", "single.safetensors", "brain.safetensors", "half.safetensors",
        ])
    func formats(file: String) throws {
        let json = try diagnose(file, "--json").checkedJSON()
        #expect(json["verdict"] as? String == "healthy" && json["shape"] as? [Int] == [150, 12])
        compare(try measures(json)["rows"], try expected("measures"))
    }

    @Test func librariesGiveTheirOwnNumbers() throws {
        let json = try diagnose("single.npy", "--as", "all", "--json").checkedJSON()
        let entries = try #require(json["libraries"] as? [[String: Any]])
        var values: [String: Double] = [:]
        for entry in entries {
            let name = "\(entry["library"] as? String ?? "") \(entry["quantity"] as? String ?? "")"
            values[name] = entry["value"] as? Double
            #expect(
                (entry["source"] as? String)?.isEmpty == false && (entry["convention"] as? String)?.isEmpty == false)
        }
        compare(values, try expected("libraries"))
        let own = try measures(json)["rows"]?["uniformity"]
        #expect(values["wang-isola uniform_loss"] == own && own != nil)
        let text = try diagnose("single.npy", "--as", "reptrix,rankme-paper")
        #expect(
            text.status == 0 && text.output.contains("github.com/arnab39/reptrix") && text.output.contains("10.3387"))
        let unknown = try diagnose("single.npy", "--as", "rankme")
        #expect(unknown.status == 64 && unknown.error.contains("rankme-paper"))
    }

    @Test func viewsGiveLiDAR() throws {
        let json = try diagnose("views.npy", "--views", "--as", "stable-pretraining", "--json").checkedJSON()
        let known: [String: Double] = try expected("views")
        compare(try measures(json)["rows"], ["lidar": known["lidar"] ?? .nan])
        let entries = try #require(json["libraries"] as? [[String: Any]])
        let theirs = entries.first { $0["quantity"] as? String == "LiDAR" }?["value"] as? Double
        compare(["lidar": theirs ?? .nan], ["lidar": known["stable-pretraining LiDAR"] ?? .nan])
    }

    @Test func patchesGiveAllViews() throws {
        let measured = try measures(diagnose("patches.npz", "--patches", "--json").checkedJSON())
        let known: [String: Any] = try expected("patches")
        for view in ["images", "patches", "within"] {
            compare(measured[view], try #require(known[view] as? [String: Double]))
        }
        compare(
            measured["patches"], ["between_within_ratio": try #require(known["between_within_ratio"] as? Double)])
    }

    @Test func theTableShowsEveryNumberWithItsConventionAndAVerdict() throws {
        let program = try diagnose("single.npy")
        #expect(program.status == 0 && program.error.isEmpty, "\(program.error)")
        for text in ["rankme ", "10.3387", "not centred", "verdict: healthy", "n = 150, D = 12", "rank_share"] {
            #expect(program.output.contains(text), "\(text)")
        }
    }

    @Test(
        "matrices that are not features are judged, without a crash",
        arguments: [
            ("nan.npy", "non-finite"), ("zeros.npy", "complete collapse"),
            ("one_column.npy", "healthy"), ("few_rows.npy", "healthy"),
        ])
    func edges(file: String, verdict: String) throws {
        #expect(try diagnose(file, "--as", "all", "--json").checkedJSON()["verdict"] as? String == verdict)
        #expect(try diagnose(file).output.contains("verdict: \(verdict)"))
    }

    @Test func valuesThatAreNotFiniteAreCountedAndFound() throws {
        let one = try diagnose("nan.npy")
        #expect(one.output.contains("1 NaN of 1800 values, in row 3 (from 0)"), "\(one.output)")
        let json = try diagnose("many.npy", "--json").checkedJSON()
        let values = try #require(json["non_finite"] as? [String: Any])
        #expect(values["nan"] as? Int == 1 && values["infinite"] as? Int == 40 && values["count"] as? Int == 1800)
        #expect(values["places"] as? [Int] == Array(10..<50) && values["axis"] as? String == "rows")
        let many = try diagnose("many.npy").output
        #expect(
            many.contains("1 NaN and 40 infinite of 1800 values, in 40 of 150 rows: 10, 11, 12, 13, 14, … (from 0)"),
            "\(many)")
        #expect(try diagnose("single.npy", "--json").checkedJSON()["non_finite"] == nil)
    }

    @Test("features of 1e-30 are judged as those of 1")
    func smallFeatures() throws {
        let (plain, small) = (try diagnose("single.npy", "--json"), try diagnose("small.npy", "--json"))
        #expect(try small.checkedJSON()["verdict"] as? String == "healthy")
        var known = try #require(measures(plain.checkedJSON())["rows"])
        (known["std_mean"], known["std_min"]) = (nil, nil)
        compare(try measures(small.checkedJSON())["rows"], known, tolerance: 1e-9)
        // LiDAR's δ has a scale.
        let notes = try #require(diagnose("close.npy", "--views", "--json").checkedJSON()["notes"] as? [String])
        #expect(notes.count == 1 && notes[0].hasPrefix("lidar: "))
        #expect((try diagnose("views.npy", "--views", "--json").checkedJSON()["notes"] as? [String])?.isEmpty == true)
    }

    @Test(
        "what is not features, and links that lead nowhere or in a circle, hide no array beside them",
        arguments: [("structured.npz", "features"), ("links.h5", "a/features")])
    func besides(file: String, dataset: String) throws {
        #expect(try diagnose(file, "--dataset", dataset).output.contains("verdict: healthy"))
    }

    @Test func goldenMatricesAreToldApart() throws {
        let file = "Tests/Golden/diagnostics.safetensors"
        for (name, verdict) in [
            ("healthy", "healthy"), ("lowrank", "dimensional collapse"), ("collapsed", "complete collapse"),
        ] {
            let program = try Program.run(["diagnose", file, "--dataset", name, "--json"])
            #expect(try program.checkedJSON()["verdict"] as? String == verdict, "\(name)")
        }
    }

    @Test func goldenNumbersComeOutOfTheCommand() throws {
        let file = "Tests/Golden/diagnostics.safetensors"
        let data = try Data(contentsOf: URL(fileURLWithPath: Program.repository + "/Tests/Golden/diagnostics.json"))
        let golden = try #require(JSONSerialization.jsonObject(with: data) as? [String: [String: Any]])
        let names = [
            "rankme": "rankme_uncentred", "effective_rank": "effective_rank_singular_centred",
            "effective_rank_eigen": "effective_rank_eigen_centred", "participation_ratio": "participation_ratio",
            "nesum": "nesum", "condition_number": "condition_number_uncentred",
            "alpha_req": "alpha_req_all_eigenvalues", "std_mean": "std_mean", "std_min": "std_min",
            "normalised_std_mean": "normalised_std_mean", "mean_cosine": "mean_offdiagonal_cosine",
            "mean_norm_ratio": "mean_norm_over_rms_norm", "uniformity": "uniformity",
        ]
        for matrix in ["healthy", "lowrank", "collapsed"] {
            let json = try Program.run(["diagnose", file, "--dataset", matrix, "--as", "all", "--json"]).checkedJSON()
            let own = try #require(try measures(json)["rows"])
            for (name, key) in names {
                let reference = try #require(golden[matrix]?[key] as? Double)
                #expect(abs((own[name] ?? .nan) - reference) <= 1e-4 * abs(reference), "\(matrix): \(name)")
            }
            let libraries = try #require(json["libraries"] as? [[String: Any]])
            for (library, key) in [
                ("rankme-paper", "rankme_uncentred"), ("lightly", "normalised_std_mean"), ("wang-isola", "uniformity"),
            ] {
                let value = libraries.first { $0["library"] as? String == library }?["value"] as? Double ?? .nan
                let reference = try #require(golden[matrix]?[key] as? Double)
                #expect(abs(value - reference) <= 1e-4 * abs(reference), "\(matrix): \(library)")
            }
        }
        let views = try Program.run(["diagnose", file, "--dataset", "lidar_views", "--views", "--json"]).checkedJSON()
        let lidar = try #require(try measures(views)["rows"]?["lidar"])
        let reference = try #require(golden["lidar"]?["value"] as? Double)
        #expect(abs(lidar - reference) <= 1e-4 * reference)
    }

    @Test(
        "what cannot be read is an error with file, array and remedy",
        arguments: [
            (["several.npz"], ["--dataset", "first [150, 12]", "second [150, 3]"]),
            (["several.npz", "--dataset", "fourth"], ["fourth", "there are: first"]),
            (["views.npy"], ["three axes", "--views", "--patches"]),
            (["single.npy", "--views"], ["[150, 12]", "[objects, views, D]"]),
            (["integers.npy"], ["no floating-point array"]),
            (["several.npz", "--dataset", "second", "--patches"], ["second", "[150, 3]"]),
            (["huge.npy"], ["1e+300", "float32"]),
            (["cut.npy"], ["ends after"]), (["endless.npy"], ["ends after"]), (["cut.npz"], ["damaged ZIP"]),
            (["text.npy"], ["unknown format"]), (["one_row.npy"], ["a single row: [1, 4]", "two or more"]),
            (["one_row.npy", "--views"], ["[1, 4]"]), (["tiny.npy"], ["1e-45", "multiply"]),
            (["empty.npz"], ["is empty"]), (["none.npy"], ["no such file"]), ([""], ["is a folder"]),
        ])
    func errors(arguments: [String], texts: [String]) throws {
        let file = try Self.files.get().folder.path + "/" + arguments[0]
        let program = try Program.run(["diagnose", file] + arguments.dropFirst())
        #expect(program.status == 64 && program.output.isEmpty, "\(program.error)")
        #expect(program.error.contains(file) && program.error.contains("→"), "\(program.error)")
        for text in texts { #expect(program.error.contains(text), "\(text): \(program.error)") }
    }
}
