/** The shells that can complete the command. */
export const SHELLS = ["bash", "zsh", "fish"] as const;
export type Shell = (typeof SHELLS)[number];

/** The line that says that a file can stand there. */
export const FILES_LINE = ":files";

/**
 * What each shell reads. The words of the line are handed on as they are typed: nothing of them is evaluated, so no
 * `$(...)` runs because somebody asks for a completion.
 */
export const SCRIPTS: Readonly<Record<Shell, string>> = {
  bash: `# Completion of cloister for bash, 3.2 or newer.
_cloister() {
  local line files=
  local current="\${COMP_WORDS[COMP_CWORD]}"
  [ "$current" = "=" ] && current=
  COMPREPLY=()
  while IFS= read -r line; do
    if [ "$line" = "${FILES_LINE}" ]; then
      files=1
    else
      line="\${line%%$'\\t'*}"
      case "$line" in "$current"*) COMPREPLY+=("$line") ;; esac
    fi
  done < <(cloister complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
  # bash 3.2 has no compopt: it then offers files where nothing else is known.
  [ -n "$files" ] || compopt +o default 2>/dev/null
}
complete -o default -F _cloister cloister
`,
  zsh: `#compdef cloister
# Completion of cloister for zsh.
_cloister() {
  local line files=0
  local -a found
  while IFS= read -r line; do
    if [[ "$line" == "${FILES_LINE}" ]]; then
      files=1
    else
      found+=("\${\${line%%$'\\t'*}//:/\\\\:}:\${line#*$'\\t'}")
    fi
  done < <(cloister complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)
  local none=1
  (( \${#found} )) && _describe -t cloister cloister found && none=0
  (( files )) && _files && none=0
  return none
}
compdef _cloister cloister
`,
  fish: `# Completion of cloister for fish.
function __cloister_complete
  set -l words (commandline -opc)
  set -e words[1]
  set -l current (commandline -ct)
  for line in (cloister complete -- $words "$current" 2>/dev/null)
    if test "$line" = "${FILES_LINE}"
      __fish_complete_path "$current"
    else
      echo $line
    end
  end
end
complete -c cloister -f -a '(__cloister_complete)'
`,
};
