/// Something that the user named and that cannot be used; nothing was started.
struct UnusableInput: Error, Equatable {
    /// The file, folder or option that it is about.
    let place: String
    let problem: String
    let remedy: String
}
