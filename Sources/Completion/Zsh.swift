import Arguments

/// For zsh with its own system of completions (zshcompsys(1)).
enum Zsh {
    static var script: String {
        var text = #"""
            #compdef apus
            # zsh completion for apus(1), made of the tables that the command line is parsed by.

            # The variables are those of _apus, below.
            _apus_containers() {
                local expl
                local -a ids
                ids=(${(f)"$(_call_program containers ${(q)program} ${root:+--root ${(q)root}} list -q 2>/dev/null)"})
                _wanted containers expl container compadd -a ids
            }

            _apus_commands() {
                local -a commands
                commands=(

            """#
        for verb in Verb.allCases {
            text += "        \(quote("\(verb.rawValue):\(verb.command.summary)"))\n"
        }
        text += #"""
                )
                _describe -t commands command commands
            }

            _apus() {
                local curcontext=$curcontext program=${words[1]/#\~\//$HOME/} root='' state='' ret=1
                local -a line
                local -A opt_args

                _arguments -C -S \
            \#(lines(Flag.globals.map(option)))
                    '(-): :_apus_commands' \
                    '(-)*:: :->operands' && ret=0
                [[ $state == operands ]] || return ret
                # As it was typed, quotes and all, and _arguments has put backslashes before colons and backslashes.
                root=${opt_args[--root]//\\:/:}
                root=${(Q)root//\\\\/\\}
                root=${root/#\~\//$HOME/}
                curcontext=${curcontext%:*:*}:apus-$words[1]:

                case $words[1] in

            """#
        for verb in Verb.allCases {
            let command = verb.command
            let specifications = command.options.map(option) + command.offers.map { operand($0, $1) }
            let ending = command.stopsAtOperand ? "-S -A '-*'" : "-S"
            text += "    \(verb.rawValue))\n        _arguments \(ending) \\\n"
            text += lines(specifications) + "\n            && ret=0\n        ;;\n"
        }
        return text + #"""
                *) _message 'unknown command' ;;
                esac
                return ret
            }

            # The file is either loaded when it is first needed, and is then the function itself, or it is sourced.
            if [[ $funcstack[1] == _apus ]]; then _apus "$@"; else compdef _apus apus; fi

            """#
    }

    private static func lines(_ specifications: [String]) -> String {
        specifications.map { "            \($0) \\" }.joined(separator: "\n")
    }

    /// A specification of _arguments: `'(-b --bundle)'{--bundle=,-b}'[directory]:DIR:_directories'`.
    private static func option(_ flag: Flag) -> String {
        let takesValue = flag.offer != nil
        let names = flag.spellings.map { takesValue && $0.hasPrefix("--") ? "\($0)=" : $0 }
        var front = names.count > 1 ? "'(\(flag.spellings.joined(separator: " ")))'" : ""
        if flag.isRepeatable { front = "'*'" }
        let middle = names.count > 1 ? "{\(names.joined(separator: ","))}" : names[0]
        var rest = "[\(plain(flag.meaning))]"
        if let offer = flag.offer { rest += ":\(message(placeholder(flag))):\(action(offer))" }
        return front + middle + quote(rest)
    }

    private static func operand(_ operand: Command.Operand, _ offer: Offer) -> String {
        let colons = operand.isRepeated ? "*:" : operand.isOptional ? "::" : ":"
        return quote("\(colons)\(message(operand.name)):\(action(offer))")
    }

    private static func placeholder(_ flag: Flag) -> String {
        switch flag.value {
        case .toggle, .choice: flag.name.rawValue
        case .text(let placeholder), .number(let placeholder): placeholder
        }
    }

    private static func action(_ offer: Offer) -> String {
        switch offer {
        case .nothing: " "
        case .words(let words): "(\(words.joined(separator: " ")))"
        case .files: "_files"
        case .directories: "_directories"
        case .containers: "_apus_containers"
        }
    }

    /// What is asked for, which ends with a colon.
    private static func message(_ words: String) -> String {
        words.split(separator: ":", omittingEmptySubsequences: false).joined(separator: "\\:")
    }

    /// A description in which _arguments is to see no marks of its own.
    private static func plain(_ words: String) -> String {
        var result = ""
        for character in words {
            if "\\:[]".contains(character) { result += "\\" }
            result.append(character)
        }
        return result
    }

    /// Between single quotes, in which nothing but they themselves means anything.
    private static func quote(_ words: String) -> String {
        var result = "'"
        for character in words {
            if character == "'" { result += "'\\''" } else { result.append(character) }
        }
        return result + "'"
    }
}
