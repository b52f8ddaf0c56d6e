import { knownPaths, nextWords, topicPaths } from './command-words.ts';
import type { CommandWords, FlagWords } from './command-words.ts';
import { FIXED, FLEETS, HOSTS, PROFILES, TUNNELS } from './name-sources.ts';

/** A completion script for bash 3.2 and later, which needs no bash-completion. */
export function bashCompletion(
  commands: readonly CommandWords[],
  topics: Readonly<Record<string, string>>,
): string {
  const places = topicPaths(commands).map((path) => {
    const words = nextWords(commands, topics, path).map(({ word }) => word);
    return `    ${pattern(path)}) words='${words.join(' ')}' ;;\n`;
  });
  return `# bash completion for devaccess: written by 'devaccess completion bash'
_devaccess_hosts() {
  ${HOSTS}
}
_devaccess_profiles() {
  ${PROFILES}
}
_devaccess_tunnels() {
  ${TUNNELS}
}
_devaccess_fixed() {
  ${FIXED}
}
_devaccess_fleets() {
  ${FLEETS}
}
_devaccess() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD - 1]}
  local path= words= values= kind= flags= i
  COMPREPLY=()
  # bash takes '=' and ':' for words of their own.
  [[ $cur == = ]] && cur=
  [[ $prev == = ]] && prev=\${COMP_WORDS[COMP_CWORD - 2]}
  for ((i = 1; i < COMP_CWORD; i++)); do
    [[ \${COMP_WORDS[i]} == -- ]] && {
      COMPREPLY=($(compgen -c -- "$cur"))
      return
    }
    case "$path \${COMP_WORDS[i]}" in
      ${knownPaths(commands)
        .map((path) => `' ${path}'`)
        .join(' | ')}) path="$path \${COMP_WORDS[i]}" ;;
    esac
  done
  case "$path" in
${places.join('')}${commands.map(commandCase).join('')}  esac
  case "$values" in
    profiles) words=$(_devaccess_profiles) ;;
    fleets) words=$(_devaccess_fleets) ;;
    hosts) words=$(_devaccess_hosts "$cur") ;;
    files)
      COMPREPLY=($(compgen -f -- "$cur"))
      return
      ;;
    text) return ;;
    '')
      if [[ $cur == -* ]]; then
        words=$flags
      else
        case "$kind" in
          hosts) words=$(_devaccess_hosts "$cur") ;;
          tunnels) words=$(_devaccess_tunnels) ;;
          fixed) words=$(_devaccess_fixed) ;;
          copies)
            COMPREPLY=($(compgen -S : -W "$(_devaccess_hosts "$cur")" -- "$cur") $(compgen -f -- "$cur"))
            compopt -o nospace 2>/dev/null
            return
            ;;
          commands)
            COMPREPLY=($(compgen -c -- "$cur"))
            return
            ;;
        esac
      fi
      ;;
    *) words=\${values#options } ;;
  esac
  COMPREPLY=($(compgen -W "$words" -- "$cur"))
}
complete -F _devaccess devaccess
`;
}

function commandCase({ path, flags, completes }: CommandWords): string {
  const valued = flags.filter(({ value }) => value.kind !== 'none');
  const values = valued.map(
    (flag) => `        ${names(flag).join('|')}) values='${source(flag)}' ;;\n`,
  );
  const all = flags.map(({ long }) => `--${long}`).join(' ');
  const prev = values.length === 0 ? '' : `      case "$prev" in\n${values.join('')}      esac\n`;
  return `    ${pattern(path)})
      flags='${all}' kind='${completes ?? ''}'
${prev}      ;;
`;
}

function source({ value }: FlagWords): string {
  switch (value.kind) {
    case 'options':
      return `options ${value.options.join(' ')}`;
    case 'profile':
      return 'profiles';
    case 'fleet':
      return 'fleets';
    case 'host':
      return 'hosts';
    case 'file':
      return 'files';
    case 'text':
    case 'none':
      return 'text';
    default:
      return value satisfies never;
  }
}

function names({ long, short }: FlagWords): string[] {
  return [`--${long}`, ...(short === undefined ? [] : [`-${short}`])];
}

function pattern(path: readonly string[]): string {
  return path.length === 0 ? "''" : `' ${path.join(' ')}'`;
}
