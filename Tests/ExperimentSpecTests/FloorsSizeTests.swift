import Datasets
import Declarations
import ExperimentSpec
import Testing

@Suite struct FloorsSizeTests {
    private func size(
        _ dataset: SpecValue, side: Int, channels: Int, train: Int, test: Int, classes: Int
    ) -> FloorsSize {
        var configuration = RunConfiguration()
        configuration.set("data.dataset", to: dataset)
        configuration.model.imageSize = side
        configuration.model.channels = channels
        return FloorsSize(configuration, trainImages: train, testImages: test, classes: classes)
    }

    @Test(arguments: [
        (28, 1, 60_000, 10_000, 10), (32, 3, 50_000, 10_000, 100), (96, 3, 5_000, 8_000, 10),
        (224, 3, 1_500, 500, 10),
    ])
    func `what fits is looked at as it is: floors of earlier results stay`(
        side: Int, channels: Int, train: Int, test: Int, classes: Int
    ) {
        let found = size("idx", side: side, channels: channels, train: train, test: test, classes: classes)
        #expect(found.side == side && found.trainImages == train && found.testImages == test)
    }

    @Test func `a million images are never held`() {
        let found = size("idx", side: 224, channels: 3, train: 1_281_167, test: 50_000, classes: 1000)
        #expect(found.side == 28 && found.testImages <= 50_000)
        #expect(found.trainImages < 1_281_167 && found.trainImages > 20_000)
        #expect(found.bytes <= 8 << 30 && found.bytes > 6 << 30)
    }

    @Test func `smaller images come before fewer`() {
        let found = size("idx", side: 224, channels: 3, train: 20_000, test: 5_000, classes: 10)
        #expect(found.side == 56 && found.trainImages == 20_000 && found.testImages == 5_000)
        #expect(found.bytes <= 8 << 30)
    }

    @Test func `the heads of many classes count`() {
        let few = size("idx", side: 224, channels: 3, train: 1_000, test: 500, classes: 10)
        let many = size("idx", side: 224, channels: 3, train: 1_000, test: 500, classes: 1000)
        #expect(few.side == 224 && many.side < 224)
    }
}
