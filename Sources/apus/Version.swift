import ContainerRuntime

/// What `--version` prints. Engines look for lines that start with `commit: ` and `spec: `.
enum Version {
    static let apus = "0.1.0"

    static let text = "apus version \(apus)\ncommit: unknown\nspec: \(ContainerRuntime.specVersion)\n"
}
