/// What `--version` prints. Engines look for lines that start with `commit: ` and `spec: `.
enum Version {
    static let apus = "0.1.0"
    /// The version of the OCI runtime specification that is followed.
    static let specification = "1.3.0"

    static let text = "apus version \(apus)\ncommit: unknown\nspec: \(specification)\n"
}
