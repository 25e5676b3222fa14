import Foundation

/// Student's t distribution, for intervals over few seeds.
enum StudentDistribution {
    /// The t below which a share `probability` of the distribution lies.
    ///
    /// - Precondition: 0.5 ≤ probability < 1 and `degreesOfFreedom` ≥ 1.
    static func quantile(_ probability: Double, degreesOfFreedom: Int) -> Double {
        precondition((0.5..<1).contains(probability) && degreesOfFreedom >= 1, "quantile outside its domain")
        var low = 0.0
        var high = 1.0
        while cumulative(high, degreesOfFreedom: degreesOfFreedom) < probability { high *= 2 }
        // The bracket halves each time; 80 halvings reach the last bit from any start that doubles can hold here.
        for _ in 0..<80 {
            let middle = (low + high) / 2
            if cumulative(middle, degreesOfFreedom: degreesOfFreedom) < probability {
                low = middle
            } else {
                high = middle
            }
        }
        return (low + high) / 2
    }

    /// P(T ≤ t) for t ≥ 0, by the finite trigonometric sums for whole degrees of freedom ν.
    ///
    /// With θ = atan(t/√ν), Abramowitz and Stegun 26.7.3 and 26.7.4 give A = P(|T| ≤ t); P(T ≤ t) = (1 + A) / 2.
    static func cumulative(_ t: Double, degreesOfFreedom: Int) -> Double {
        let angle = atan(t / Double(degreesOfFreedom).squareRoot())
        let (sine, cosine) = (sin(angle), cos(angle))
        let isOdd = degreesOfFreedom % 2 == 1
        var term = isOdd ? cosine : 1.0
        var sum = 0.0
        var index = isOdd ? 1 : 0
        while index <= degreesOfFreedom - 2 {
            sum += term
            index += 2
            term *= cosine * cosine * Double(index - 1) / Double(index)
        }
        let central = isOdd ? 2 / Double.pi * (angle + sine * sum) : sine * sum
        return (1 + central) / 2
    }
}
