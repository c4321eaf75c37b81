import Arguments

/// For bash 4.3 and later; it needs no library of completions.
enum Bash {
    static var script: String {
        var text = """
            # bash completion for apus(1), made of the tables that the command line is parsed by.

            # What follows an option of a command, or of the program where the command is empty: `kind` says it, and
            # stays empty for an option without a value. The variables are those of _apus, below.
            _apus_value() {
                case $1/$2 in

            """
        text += values("", Flag.globals)
        for verb in Verb.allCases { text += values(verb.rawValue, verb.command.options) }
        text += """
                esac
            }

            # All options of a command, or of the program.
            _apus_options() {
                case $1 in
                '') list='\(spellings(Flag.globals))' ;;

            """
        for verb in Verb.allCases {
            text += "    \(verb.rawValue)) list='\(spellings(verb.command.options))' ;;\n"
        }
        text += """
                esac
            }

            # What an operand of a command may be; the first one has the number 0.
            _apus_operand() {
                case $1/$2 in

            """
        for verb in Verb.allCases {
            for (number, operand) in verb.command.offers.enumerated() where operand.offer != .nothing {
                text += "    \(verb.rawValue)/\(number)) \(kind(operand.offer)) ;;\n"
            }
        }
        return text + """
                esac
            }

            \(conductor)
            """
    }

    private static func values(_ command: String, _ flags: [Flag]) -> String {
        var text = ""
        for flag in flags {
            guard let offer = flag.offer else { continue }
            let names = flag.spellings.map { "\(command)/\($0.drop { $0 == "-" })" }
            text += "    \(names.joined(separator: " | "))) \(kind(offer)) ;;\n"
        }
        return text
    }

    private static func kind(_ offer: Offer) -> String {
        switch offer {
        case .nothing: "kind=text"
        case .words(let words): "kind=words list='\(words.joined(separator: " "))'"
        case .files: "kind=files"
        case .directories: "kind=directories"
        case .containers: "kind=containers"
        }
    }

    private static func spellings(_ flags: [Flag]) -> String {
        flags.flatMap(\.spellings).joined(separator: " ")
    }

    private static var conductor: String {
        let commands = Verb.allCases.map(\.rawValue).joined(separator: " ")
        let stopping = Verb.allCases.filter { $0.command.stopsAtOperand }.map(\.rawValue).joined(
            separator: " | ")
        return #"""
            _apus() {
                local program=${1/#'~/'/"$HOME/"} root='' command='' option='' ended='' kind='' list='' prefix=''
                local word name current breaks='' glue=''
                local -i i operands=0
                local -a words=()
                COMPREPLY=()

                # Readline makes words of = and : too; apus has them as part of the word that they stand in.
                for ((i = 1; i <= COMP_CWORD; i++)); do
                    word=${COMP_WORDS[i]} breaks=''
                    [[ $word && -z ${word//[=:]/} ]] && breaks=1
                    if [[ ($glue || $breaks) && ${#words[@]} -gt 0 ]]; then words[-1]+=$word; else words+=("$word"); fi
                    glue=$breaks
                done
                current=${words[-1]}
                unset 'words[-1]'

                for word in "${words[@]}"; do
                    if [[ $option ]]; then
                        [[ -z $command && $option == root ]] && root=$word
                        option=''
                    elif [[ -z $ended && $word == -- ]]; then
                        ended=1
                    elif [[ -z $ended && $word == -?*=* ]]; then
                        [[ -z $command && $word =~ ^--?root= ]] && root=${word#*=}
                    elif [[ -z $ended && $word == -?* ]]; then
                        name=${word#-}
                        name=${name#-}
                        kind=''
                        _apus_value "$command" "$name"
                        [[ $kind ]] && option=$name
                    elif [[ -z $command ]]; then
                        command=$word ended=''
                    else
                        operands+=1
                        case $command in \#(stopping)) ended=1 ;; esac
                    fi
                done

                kind='' list=''
                if [[ $option ]]; then
                    _apus_value "$command" "$option"
                elif [[ -z $ended && $current == -?*=* ]]; then
                    name=${current%%=*}
                    [[ $COMP_WORDBREAKS == *=* ]] || prefix=$name=
                    name=${name#-}
                    _apus_value "$command" "${name#-}"
                    current=${current#*=}
                elif [[ -z $ended && $current == -* ]]; then
                    kind=words
                    _apus_options "$command"
                elif [[ -z $command ]]; then
                    kind=words list='\#(commands)'
                else
                    _apus_operand "$command" "$operands"
                fi
                # What is offered takes the place of readline's last word.
                [[ $COMP_WORDBREAKS == *=* ]] && current=${current##*=}
                [[ $COMP_WORDBREAKS == *:* ]] && current=${current##*:}

                case $kind in
                words) mapfile -t COMPREPLY < <(compgen -W "$list" -- "$current") ;;
                files)
                    compopt -o filenames 2>/dev/null
                    mapfile -t COMPREPLY < <(compgen -f -- "$current")
                    ;;
                directories)
                    compopt -o filenames 2>/dev/null
                    mapfile -t COMPREPLY < <(compgen -d -- "$current")
                    ;;
                containers)
                    # As it was typed, quotes and all.
                    root=${root//[\"\'\\]/}
                    root=${root/#'~/'/"$HOME/"}
                    while IFS= read -r word; do
                        [[ $word == "$current"* ]] && COMPREPLY+=("$word")
                    done < <("$program" ${root:+--root "$root"} list -q 2>/dev/null)
                    ;;
                esac
                [[ -z $prefix ]] || COMPREPLY=("${COMPREPLY[@]/#/"$prefix"}")
            }
            complete -F _apus apus

            """#
    }
}
