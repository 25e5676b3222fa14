package import Declarations

/// CIFAR-100 (Krizhevsky 2009), in the binary version or the pickled one that torchvision leaves behind.
package struct CIFAR100: RecordCollection {
    package static let name = "cifar100"
    package static let summary =
        "50,000 and 10,000 colour images of 32×32 in a hundred classes or twenty, data.folder as for cifar10"
    package static let keys = [
        DataKeys.folder,
        DeclaredKey(
            "classes", default: "fine",
            "Which classes of CIFAR-100 evaluations look at: the hundred fine ones, or the twenty coarse ones that these "
                + "belong to.", choices: ["fine", "coarse"], synonyms: "superclass label_mode"),
    ]

    let settings: Settings
    package init(_ settings: Settings) { self.settings = settings }

    private var isCoarse: Bool { settings["classes"] == "coarse" }

    package let knownSizes: SplitSizes? = SplitSizes(train: 50_000, test: 10_000)
    package let knownGeometry: ImageGeometry? = CIFAR10.geometry
    package var classNames: [String]? { isCoarse ? Self.coarseNames : Self.fineNames }
    package let remedyForMissingFiles =
        "set data.folder to the unpacked cifar-100-binary.tar.gz or cifar-100-python.tar.gz of "
        + "https://www.cs.toronto.edu/~kriz/cifar.html, or to the folder that holds it"

    func files(in folder: String) -> [String] { CIFARFolder.files(.hundred, in: folder) }

    package func trainingImageCount() throws -> Int { try CIFARFolder(.hundred, folder: folder).train.count }

    package func open() throws -> DatasetSplits {
        let files = try CIFARFolder(.hundred, folder: folder)
        func labels(_ split: RecordSplit) -> [UInt8]? { isCoarse ? split.coarseLabels : split.labels }
        return try splits(
            train: RecordImages(files.train, CIFAR10.geometry, place: folder, remedy: remedyForMissingFiles),
            labels(files.train),
            test: RecordImages(files.test, CIFAR10.geometry, place: folder, remedy: remedyForMissingFiles),
            labels(files.test), classNames: isCoarse ? files.coarseClassNames : files.classNames)
    }

    /// In the order of the labels, which is the alphabet's.
    private static let fineNames = words(
        """
        apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle bowl boy bridge bus butterfly camel can castle
        caterpillar cattle chair chimpanzee clock cloud cockroach couch crab crocodile cup dinosaur dolphin elephant
        flatfish forest fox girl hamster house kangaroo keyboard lamp lawn_mower leopard lion lizard lobster man maple_tree
        motorcycle mountain mouse mushroom oak_tree orange orchid otter palm_tree pear pickup_truck pine_tree plain plate
        poppy porcupine possum rabbit raccoon ray road rocket rose sea seal shark shrew skunk skyscraper snail snake spider
        squirrel streetcar sunflower sweet_pepper table tank telephone television tiger tractor train trout tulip turtle
        wardrobe whale willow_tree wolf woman worm
        """)
    private static let coarseNames = words(
        """
        aquatic_mammals fish flowers food_containers fruit_and_vegetables household_electrical_devices
        household_furniture insects large_carnivores large_man-made_outdoor_things large_natural_outdoor_scenes
        large_omnivores_and_herbivores medium_mammals non-insect_invertebrates people reptiles small_mammals trees
        vehicles_1 vehicles_2
        """)

    private static func words(_ text: String) -> [String] {
        text.split(whereSeparator: \.isWhitespace).map(String.init)
    }
}
