import ArgumentParser
import Diagnosis
import Foundation
import Glibc
import Images

/// Who somebody is to a registry.
struct LoginOptions: ParsableArguments {
    @Option(
        name: .customLong("creds"),
        help: ArgumentHelp(
            "The user and the password for the registry. Other users of this host can read the arguments of programs: "
                + "without the password it is asked for, or read as a line of standard input if that is no terminal.",
            valueName: "USER[:PASSWORD]"))
    var credentials: String?

    @Option(
        name: .customLong("authfile"),
        help: ArgumentHelp("A file that `podman login` or `docker login` has written.", valueName: "FILE"))
    var file: String?

    func validate() throws {
        if let credentials, credentials.isEmpty || credentials.hasPrefix(":") {
            throw ValidationError("--creds names no user: it is USER[:PASSWORD]")
        }
    }

    /// - Returns: nil if nobody in particular pulls.
    func login(for reference: ImageReference) throws -> RegistryLogin? {
        guard let credentials else {
            return try AuthFile.login(
                for: reference, file: file, environment: ProcessInfo.processInfo.environment)
        }
        guard let colon = credentials.firstIndex(of: ":") else {
            return RegistryLogin(
                username: credentials, password: try Self.password(of: credentials), for: reference.host)
        }
        return RegistryLogin(
            username: String(credentials[..<colon]),
            password: String(credentials[credentials.index(after: colon)...]), for: reference.host)
    }

    private static func password(of user: String) throws -> String {
        var terminal = termios()
        let isTerminal = tcgetattr(STDIN_FILENO, &terminal) == 0
        if isTerminal {
            var silent = terminal
            silent.c_lflag &= ~tcflag_t(ECHO)
            tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent)
            // Nobody is asked before: what is typed by then would be shown, and thrown away.
            Pull.say("Password of \(user): ")
        }
        defer {
            if isTerminal {
                tcsetattr(STDIN_FILENO, TCSAFLUSH, &terminal)
                Pull.say("\n")
            }
        }
        guard let password = readLine(), !password.isEmpty else {
            throw Failure(
                .option("creds"), reason: "there is no password of \(user): standard input has none",
                remedy: "write it as a line to standard input, or use --authfile")
        }
        return password
    }
}
