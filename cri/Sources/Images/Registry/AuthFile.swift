import Diagnosis
import Foundation
import Glibc
import Kernel

/// A file of logins, as `podman login` and `docker login` write it (containers-auth.json(5), Docker's config.json).
package struct AuthFile: Sendable {
    private struct Entry: Decodable {
        var username: String?
        var password: String?
        var auth: String?
        var identitytoken: String?
        var registrytoken: String?
    }

    private struct Document: Decodable {
        var auths: [String: Entry]?
        var credHelpers: [String: String]?
        var credsStore: String?
    }

    private let path: String
    /// By registry, or by the beginning of a repository's name, in their normal form.
    private var entries: [String: Entry] = [:]
    private var helpers: [String: String] = [:]
    private var store: String?

    /// Reads it.
    ///
    /// - Throws: `notFound` if there is none; `invalid` if it is something else.
    package init(_ path: String) throws(ImageError) {
        self.path = path
        let limit = 4 << 20
        let bytes: [UInt8]
        do throws(SystemError) {
            bytes = try FileDescriptor.open(path, O_RDONLY).readAll(limit: limit, name: path)
        } catch {
            var failure = ImageError(error)
            if error.errno == Errno(ENOENT) || error.errno == Errno(ENOTDIR) { failure.kind = .notFound }
            throw failure
        }
        guard bytes.count < limit else { throw ImageError(.invalid, doing: path, "has 4 MiB or more") }
        let document: Document
        do {
            document = try JSONDecoder().decode(Document.self, from: Data(bytes))
        } catch {
            throw ImageError(.invalid, doing: path, Self.fault(error))
        }
        // A name in its normal form comes first; of others that mean the same, one is as good as another.
        for (name, entry) in (document.auths ?? [:]).sorted(by: { $0.key < $1.key }) {
            let normal = Self.normal(name)
            if entries[normal] == nil || normal == name { entries[normal] = entry }
        }
        for (name, helper) in document.credHelpers ?? [:] { helpers[Self.normal(name)] = helper }
        store = document.credsStore.flatMap { $0.isEmpty ? nil : $0 }
    }

    /// What JSONDecoder found, without what it found: there may be secrets about.
    private static func fault(_ error: any Error) -> String {
        switch error as? DecodingError {
        case .typeMismatch(_, let context)?, .valueNotFound(_, let context)?, .keyNotFound(_, let context)?:
            "/" + context.codingPath.map(\.stringValue).joined(separator: "/") + " is not of the right type"
        default: "is not JSON"
        }
    }

    /// The login for an image: the one for its repository, for the nearest of what that is in, or for its registry.
    ///
    /// - Returns: nil if there is none.
    /// - Throws: `invalid` if it cannot be used: it is kept by a program, which is not run.
    package func login(for reference: ImageReference) throws(ImageError) -> RegistryLogin? {
        let host = RegistryCredentials.canonical(reference.host)
        var names = [host]
        for part in reference.repository.split(separator: "/") {
            names.append("\(names[names.count - 1])/\(part)")
        }
        guard let name = names.last(where: { entries[$0] != nil }), let entry = entries[name] else {
            if let helper = helpers[host] { throw kept(by: helper, host) }
            return nil
        }
        var login = RegistryLogin(
            username: entry.username ?? "", password: entry.password ?? "", for: reference.host)
        login.auth = entry.auth ?? ""
        login.identityToken = entry.identitytoken ?? ""
        login.registryToken = entry.registrytoken ?? ""
        do throws(ImageError) {
            guard try login.credentials() != nil else {
                // Docker leaves an empty entry where a program has the rest.
                if let helper = helpers[host] ?? store { throw kept(by: helper, host) }
                return nil
            }
        } catch {
            var error = error
            error.failure.doing = "\(path): auths/\(name): \(error.failure.doing)"
            throw error
        }
        return login
    }

    private func kept(by helper: String, _ host: String) -> ImageError {
        ImageError(
            .invalid, doing: path,
            "docker-credential-\(helper) keeps the login for \(host), and is not run here",
            remedy: "give --creds, or --authfile with a file that has it")
    }

    /// Without the scheme and the version that Docker writes: `https://index.docker.io/v1/` is `docker.io`.
    private static func normal(_ name: String) -> String {
        var rest = name[...]
        if let scheme = rest.range(of: "://") { rest = rest[scheme.upperBound...] }
        while rest.hasSuffix("/") { rest.removeLast() }
        for version in ["/v1", "/v2"] where rest.hasSuffix(version) { rest.removeLast(version.count) }
        let host = rest.prefix { $0 != "/" }
        return RegistryCredentials.canonical(String(host)) + rest[host.endIndex...]
    }

    // MARK: Where they are

    /// The login for an image, from where podman looks for it: `REGISTRY_AUTH_FILE`, if that is set, and nowhere else;
    /// else containers' auth.json of the session and of the user, and Docker's config.json. The first that has one wins.
    ///
    /// - Parameters:
    ///   - file: named by the user, before all others; it must be there.
    ///   - environment: of the process.
    package static func login(
        for reference: ImageReference, file: String?, environment: [String: String]
    ) throws(ImageError) -> RegistryLogin? {
        func value(_ name: String) -> String? { environment[name].flatMap { $0.isEmpty ? nil : $0 } }
        if let file = file ?? value("REGISTRY_AUTH_FILE") {
            return try AuthFile(file).login(for: reference)
        }
        let home = value("HOME")
        let candidates = [
            value("XDG_RUNTIME_DIR").map { $0 + "/containers/auth.json" },
            (value("XDG_CONFIG_HOME") ?? home.map { $0 + "/.config" }).map { $0 + "/containers/auth.json" },
            (value("DOCKER_CONFIG") ?? home.map { $0 + "/.docker" }).map { $0 + "/config.json" },
        ]
        for path in candidates.compactMap({ $0 }) {
            let found: RegistryLogin?
            do throws(ImageError) {
                found = try AuthFile(path).login(for: reference)
            } catch  where error.kind == .notFound {
                continue
            }
            if let found { return found }
        }
        return nil
    }
}
