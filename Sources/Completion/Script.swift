/// A file that makes a shell complete command lines of apus, made of the tables that they are parsed by.
public struct Script: Equatable, Sendable {
    /// The file's name; each shell has a directory for such, and for zsh and fish the name matters.
    public var name: String
    public var text: String

    public static var all: [Script] { [bash, zsh, fish] }

    public static var bash: Script { Script(name: "apus.bash", text: Bash.script) }
    public static var zsh: Script { Script(name: "_apus", text: Zsh.script) }
    public static var fish: Script { Script(name: "apus.fish", text: Fish.script) }
}
