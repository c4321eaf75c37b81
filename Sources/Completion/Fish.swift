import Arguments

/// For fish 3.
enum Fish {
    static var script: String {
        var text = """
            # fish completion for apus(1), made of the tables that the command line is parsed by.

            \(reader)

            # A command's own words are all that is offered, unless a line says otherwise.
            complete -c apus -f

            """
        for verb in Verb.allCases {
            text += "complete -c apus -n __apus_wants_command"
            text += " -a \(verb.rawValue) -d \(quote(verb.command.summary))\n"
        }
        for flag in Flag.globals { text += line("__apus_wants_command", flag) }
        for verb in Verb.allCases {
            text += "\n# \(verb.rawValue)\n"
            for flag in verb.command.options { text += line("__apus_wants_option \(verb.rawValue)", flag) }
            for (number, operand) in verb.command.offers.enumerated() where operand.offer != .nothing {
                text += "complete -c apus -n '__apus_wants_operand \(verb.rawValue) \(number)'"
                text += " " + taking(operand.offer)
                if operand.offer == .containers { text += " -d container" }
                text += "\n"
            }
        }
        return text
    }

    private static func line(_ condition: String, _ flag: Flag) -> String {
        var text = "complete -c apus -n \(quote(condition))"
        if !flag.short.isEmpty { text += " -s \(flag.short)" }
        text += " -l \(flag.name.rawValue)"
        if let offer = flag.offer { text += " -r \(taking(offer))" }
        return text + " -d \(quote(flag.meaning))\n"
    }

    private static func taking(_ offer: Offer) -> String {
        switch offer {
        case .nothing: "-f"
        case .words(let words): "-f -a \(quote(words.joined(separator: " ")))"
        case .files: "-F"
        case .directories: "-f -a '(__fish_complete_directories)'"
        case .containers: "-f -a '(__apus_containers)'"
        }
    }

    /// Between single quotes fish knows the backslash only before itself and another quote.
    private static func quote(_ words: String) -> String {
        var result = ""
        for character in words {
            if character == "'" || character == "\\" { result += "\\" }
            result.append(character)
        }
        return "'\(result)'"
    }

    /// The functions by which the lines ask what has been typed.
    private static var reader: String {
        var valued = ""
        let tables = [("''", Flag.globals)] + Verb.allCases.map { ($0.rawValue, $0.command.options) }
        for (command, flags) in tables {
            let names = flags.filter { $0.offer != nil }.flatMap(\.spellings).map { $0.drop { $0 == "-" } }
            if names.isEmpty { continue }
            valued += "        case \(command)\n"
            valued += "            contains -- $argv[2] \(names.joined(separator: " "))\n"
        }
        let stopping = Verb.allCases.filter { $0.command.stopsAtOperand }.map(\.rawValue)
        return """
            # Whether an option, without its dashes, of a command or of the program is followed by a value.
            function __apus_takes_value
                switch "$argv[1]"
            \(valued)        case '*'
                        false
                end
            end

            # Reads the line up to the word that is being typed: prints the command, the number of its
            # operands, whether options are over, and the value of --root, a line each.
            function __apus_line
                set -l words (commandline -opc)
                set -e words[1]
                set -l command ''
                set -l operands 0
                set -l option ''
                set -l ended no
                set -l root ''
                for word in $words
                    if test -n "$option"
                        test -z "$command" -a "$option" = root; and set root $word
                        set option ''
                    else if test $ended = no -a "$word" = --
                        set ended yes
                    else if test $ended = no; and string match -qr -- '^-.+=' $word
                        test -z "$command"; and string match -qr -- '^--?root=' $word
                        and set root (string replace -r -- '^[^=]*=' '' $word)
                    else if test $ended = no; and string match -qr -- '^-.' $word
                        set -l name (string replace -r -- '^--?' '' $word)
                        __apus_takes_value "$command" $name; and set option $name
                    else if test -z "$command"
                        set command $word
                        set ended no
                    else
                        set operands (math $operands + 1)
                        contains -- $command \(stopping.joined(separator: " ")); and set ended yes
                    end
                end
                printf '%s\\n' "$command" $operands $ended "$root"
            end

            function __apus_wants_command
                set -l line (__apus_line)
                test -z "$line[1]"
            end

            function __apus_wants_option
                set -l line (__apus_line)
                test "$line[1]" = $argv[1] -a "$line[3]" = no
            end

            function __apus_wants_operand
                set -l line (__apus_line)
                test "$line[1]" = $argv[1] -a "$line[2]" = $argv[2]
            end

            function __apus_containers
                set -l line (__apus_line)
                set -l program (commandline -opc)[1]
                if test -n "$line[4]"
                    $program --root $line[4] list -q 2>/dev/null
                else
                    $program list -q 2>/dev/null
                end
            end
            """
    }
}
