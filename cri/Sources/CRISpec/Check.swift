import Diagnosis
import OCISpec

extension Compilation {
    /// By the rules that the runtime itself checks configurations by. What a request says and no field's own rule
    /// has refused is blamed on the field that it comes from.
    func check() throws(SpecificationError) {
        do throws(Failure) {
            try config.validate()
        } catch {
            var failure = error
            guard case .config(let found) = failure.origin else {
                throw SpecificationError(.internal, failure)
            }
            let resources = "/linux/resources"
            if found.description.hasPrefix(resources) {
                failure.origin = .config(found.relative(to: resources))
                throw SpecificationError(
                    .invalidArgument,
                    CompiledResources.translated(failure, below: "/config/linux/resources"))
            }
            for (field, name) in Self.fields where found.description.hasPrefix(field) {
                failure.origin = .config(Pointer(name + found.description.dropFirst(field.count)))
                throw SpecificationError(.invalidArgument, failure)
            }
            throw SpecificationError(.internal, failure)
        }
    }

    /// The same for what was changed since: it was good before.
    func checkEdited() throws(SpecificationError) {
        do throws(Failure) {
            try config.validate()
        } catch {
            throw SpecificationError(at: Self.container.key("CDI_devices"), error.description)
        }
    }

    private static let fields = [
        ("/linux/maskedPaths", "/config/linux/security_context/masked_paths"),
        ("/linux/readonlyPaths", "/config/linux/security_context/readonly_paths"),
        ("/linux/seccomp", "/config/linux/security_context/seccomp"),
        ("/annotations", "/config/annotations"),
    ]
}
