import Testing

@testable import Analysis

@Suite struct MetricCatalogTests {
    let catalog = MetricCatalog(
        columns: [
            "evaluation/target": ["step", "knn_20", "linear"], "evaluation/context": ["step", "knn_20"],
            "steps": ["step", "loss", "images_per_second", "linear", "loader_wait_share"],
        ], encoder: "target")

    @Test(arguments: [
        ("knn_20", "evaluation/target", "knn_20", "last"), ("context.knn_20", "evaluation/context", "knn_20", "last"),
        ("linear", "evaluation/target", "linear", "last"), ("steps.linear", "steps", "linear", "tail"),
        ("loss", "steps", "loss", "tail"), ("steps.loss@last", "steps", "loss", "last"),
        ("images_per_second", "steps", "images_per_second", "median"),
        ("knn_20@gain", "evaluation/target", "knn_20", "gain"),
        ("steps.loader_wait_share", "steps", "loader_wait_share", "last"),
    ])
    func `Names lead to a table, a column and a reduction`(
        name: String, table: String, column: String, reduction: String
    ) throws {
        let metric = try catalog.resolve(name, in: "results/demo")
        #expect(metric.name == name)
        #expect(metric.table == table)
        #expect(metric.column == column)
        #expect(metric.reduction.rawValue == reduction)
    }

    @Test func `A plain name follows the chosen encoder`() throws {
        let context = MetricCatalog(columns: ["evaluation/context": ["knn_20"]], encoder: "context")
        #expect(try context.resolve("knn_20", in: "").table == "evaluation/context")
    }

    @Test func `Only accuracies are shown in percent, not the share of dead dimensions`() throws {
        let catalog = MetricCatalog(
            columns: ["evaluation/target": ["knn_20", "linear", "std_low_share", "live_directions"]], encoder: "target")
        let accuracies = try catalog.names.filter { try catalog.resolve($0, in: "").isAccuracy }
        #expect(accuracies == ["knn_20", "linear", "target.knn_20", "target.linear"])
    }

    @Test(arguments: [
        ("knn20", "Did you mean “knn_20”?"), ("contxt.knn_20", "Did you mean “context.knn_20”?"),
        ("knn_20@end", "Known: @init, @last, @tail, @median, @gain"),
        (
            "zzzzzzzzzzzz",
            "Known: images_per_second, knn_20, linear, loader_wait_share, loss; "
                + "other names begin with context., steps., target."
        ), ("step", "Did you mean"),
    ])
    func `Unknown names are answered with the nearest`(name: String, remedy: String) {
        #expect {
            try catalog.resolve(name, in: "results/demo")
        } throws: { error in
            guard let error = error as? AnalysisError else { return false }
            return error.code == .unknownName && error.path == "results/demo"
                && (error.remedy.hasPrefix(remedy) || name == "step")
        }
    }

    @Test(arguments: [
        (MetricSelector.Reduction.initial, 4.0), (.last, 10), (.gain, 6), (.median, 5.5),
    ])
    func `Reductions take the rows that they name`(reduction: MetricSelector.Reduction, expected: Double) {
        let metric = MetricSelector(name: "m", table: "evaluation/target", column: "m", reduction: reduction)
        #expect(metric.reduce([4, 5, .nan, 6, 10], steps: [0, 1, 2, 3, 4]) == expected)
    }

    @Test func `The tail is the last twentieth, at least one row`() {
        let metric = MetricSelector(name: "m", table: "steps", column: "m", reduction: .tail)
        let values = (1...40).map(Double.init)
        #expect(metric.reduce(values, steps: values) == 39.5)
        #expect(metric.reduce([3, 7], steps: [1, 2]) == 7)
        #expect(metric.reduce([], steps: []) == nil)
        #expect(metric.reduce([3, .nan], steps: [1, 2])?.isNaN == true)
    }

    @Test func `A series that does not begin at step 0 has no initial value`() {
        for reduction in [MetricSelector.Reduction.initial, .gain] {
            let metric = MetricSelector(name: "m", table: "evaluation/target", column: "m", reduction: reduction)
            #expect(metric.reduce([1, 2], steps: [50, 100]) == nil)
        }
    }
}
