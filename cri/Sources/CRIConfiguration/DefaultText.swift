extension Configuration {
    /// The default configuration as a file that explains each setting. Read, it is ``Configuration/init()``.
    public static let defaultText: String = {
        let defaults = Configuration()
        var text = """
            # apus-cri: the Container Runtime Interface on top of apus.
            #
            # These are the defaults: a file needs only what differs. `apus-cri config check` looks for mistakes; changes
            # are taken at the next start, which no pod notices. Times have a unit: "500ms", "10s", "5m", "1h"; so do counts
            # of bytes if they are in quotes: 4096, "64KiB", "16MiB", "1GiB".

            """
        for section in Settings.sections {
            if !section.path.isEmpty {
                text += "\n" + comment(section.explanation)
                text += "[\(section.path.joined(separator: "."))]\n"
            } else {
                text += "\n"
            }
            for setting in section.settings { text += lines(setting, defaults) }
            // Before the tables' tables of their own.
            if section.path == ["cgroups"] { text += handlers(defaults) }
        }
        return text
    }()

    private static func handlers(_ defaults: Configuration) -> String {
        var text = "\n" + comment(Settings.handlersExplanation)
        for (name, handler) in defaults.handlers.sorted(by: { $0.key < $1.key }) {
            text += "[handlers.\(name)]\n"
            for setting in Settings.handler { text += lines(setting, handler) }
        }
        return text + """

            # [handlers.crun]
            # path = "/usr/bin/crun"

            """
    }

    private static func lines<Root>(_ setting: Setting<Root>, _ root: Root) -> String {
        comment(setting.explanation) + "\(setting.name) = \(setting.show(root))\n"
    }

    private static func comment(_ text: String) -> String {
        text.split(separator: "\n").map { "# \($0)\n" }.joined()
    }
}
