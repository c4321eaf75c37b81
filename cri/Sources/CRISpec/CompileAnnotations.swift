import Glibc

extension Compilation {
    /// What runtimes and their hooks know containers of pods by, and what the operator lets through of the users'.
    mutating func compileAnnotations() {
        pass(input.pod.annotations, input.options.podAnnotations)
        pass(input.container.annotations, input.options.containerAnnotations)
        let pod = input.pod.metadata
        let image = input.container.image
        let prefix = "io.kubernetes.cri."
        config.annotations[prefix + "container-type"] = "container"
        config.annotations[prefix + "container-name"] = input.container.metadata.name
        config.annotations[prefix + "image-name"] =
            image.userSpecifiedImage.isEmpty ? image.image : image.userSpecifiedImage
        config.annotations[prefix + "sandbox-id"] = input.podID
        config.annotations[prefix + "sandbox-name"] = pod.name
        config.annotations[prefix + "sandbox-namespace"] = pod.namespace
        config.annotations[prefix + "sandbox-uid"] = pod.uid
    }

    private mutating func pass(_ annotations: [String: String], _ patterns: [String]) {
        for (key, value) in annotations where !key.isEmpty {
            if patterns.contains(where: { fnmatch($0, key, FNM_PATHNAME) == 0 }) {
                config.annotations[key] = value
            }
        }
    }
}
