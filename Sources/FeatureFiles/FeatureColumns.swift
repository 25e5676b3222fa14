/// Which columns of a table are features.
enum FeatureColumns {
    /// The places of the columns f0, f1, … in the order of their numbers, as `export` names them; all columns of a table
    /// that has no f0.
    ///
    /// - Throws: `FeatureFileError` where a number is missing or stands twice.
    static func places(among names: [String], file: String) throws -> [Int] {
        let numbered = names.enumerated().compactMap { place, name in number(of: name).map { (place, number: $0) } }
        guard numbered.contains(where: { $0.number == 0 }) else { return Array(names.indices) }
        var places = [Int?](repeating: nil, count: numbered.count)
        for (place, number) in numbered where places.indices.contains(number) {
            guard places[number] == nil else {
                throw FeatureFileError(
                    file: file, message: "two columns are called f\(number)", remedy: "give each feature its own number"
                )
            }
            places[number] = place
        }
        if let missing = places.firstIndex(of: nil) {
            throw FeatureFileError(
                file: file, message: "has \(numbered.count) columns f0, f1, …, and none of them is f\(missing)",
                remedy: "number the features from 0 without a gap")
        }
        return places.compactMap { $0 }
    }

    /// 12 of "f12".
    private static func number(of name: String) -> Int? {
        guard name.first == "f", let number = Int(name.dropFirst()), name == "f\(number)", number >= 0 else {
            return nil
        }
        return number
    }
}
