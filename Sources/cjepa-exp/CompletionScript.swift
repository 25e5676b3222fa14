import ArgumentParser

/// The completion scripts, with what names that contain "=" need beyond the parser's.
enum CompletionScript {
    private static let option = "--generate-completion-script"

    /// - Returns: The script, where the command line asks for one of a shell that we add to; none where the parser answers.
    static func requested(by arguments: [String]) -> String? {
        guard let first = arguments.first, first == option || first.hasPrefix(option + "=") else { return nil }
        let named = first == option ? arguments.dropFirst().first : String(first.dropFirst(option.count + 1))
        switch named.flatMap(CompletionShell.init(rawValue:)) ?? (named == nil ? .autodetected() : nil) {
        case .bash?: return CJEPAExp.completionScript(for: .bash) + "\n" + bashWholeWords
        case .zsh?: return CJEPAExp.completionScript(for: .zsh).replacing(zshOffer, with: zshOfferWithoutSpace)
        default: return nil
        }
    }

    private static let bashWholeWords = #"""
        # bash splits words at "=" and ":", which names of runs and settings contain. The functions above see whole words, with
        # --option=value as two; what bash replaces is only the end of a word, so the rest is taken off the answers.
        _cjepa-exp_whole_words() {
            local rest="${COMP_LINE:0:COMP_POINT}" word
            local -a whole=()
            local -i index
            for ((index = 0; index <= COMP_CWORD; index++)); do
                word="${COMP_WORDS[index]}"
                ((index < COMP_CWORD)) || word="${rest#"${rest%%[![:space:]]*}"}"
                if ((index == 0)) || [[ "${rest}" = [[:space:]]* ]]; then
                    rest="${rest#"${rest%%[![:space:]]*}"}"
                    whole+=("${word}")
                elif [[ "${word}" = = && "${whole[-1]}" = --* && "${whole[-1]}" != *=* ]]; then
                    # The value is a word of its own.
                    whole+=("")
                else
                    whole[-1]+="${word}"
                fi
                rest="${rest#"${word}"}"
            done

            local cur="${whole[-1]}"
            local -a COMP_WORDS=("${whole[@]}")
            local -i COMP_CWORD=$((${#whole[@]} - 1))
            local COMP_LINE="${whole[*]}"
            local -i COMP_POINT=${#COMP_LINE}
            _cjepa-exp "${1}" "${cur}" "${whole[-2]}"

            local kept="${cur%"${2}"}"
            COMPREPLY=("${COMPREPLY[@]#"${kept}"}")
            # Names are not files: "/" and "=" in them are plain letters. After "key=" comes its value.
            local first="${kept}${COMPREPLY[0]}"
            if ((${#COMPREPLY[@]})) && [[ ! -e "${first/#\~/${HOME}}" ]]; then
                compopt +o filenames 2>/dev/null
                [[ "${COMPREPLY[0]}" != *= ]] || compopt -o nospace 2>/dev/null
            fi
        }

        complete -o filenames -F _cjepa-exp_whole_words cjepa-exp
        """#

    private static let zshOffer = "_describe -V '' non_empty_completions --"

    /// No space after "key=", where its value follows.
    private static let zshOfferWithoutSpace = """
        local -a without_space=()
        [[ "${1}" != *= ]] || without_space=(-S '')
        _describe -V '' non_empty_completions "${without_space[@]}" --
        """
}
