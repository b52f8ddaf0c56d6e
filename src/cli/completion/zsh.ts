import { knownPaths, nextWords, topicPaths } from './command-words.ts';
import type { CommandWords, FlagWords } from './command-words.ts';
import { FIXED, FLEETS, HOSTS, PROFILES, TUNNELS } from './name-sources.ts';

/** A completion function for zsh 5, for a folder of \`fpath\` or to be sourced. */
export function zshCompletion(
  commands: readonly CommandWords[],
  topics: Readonly<Record<string, string>>,
): string {
  const places = topicPaths(commands).map((path) => {
    const words = nextWords(commands, topics, path);
    const described = words.map(({ word, summary }) => quoted(`${escaped(word)}:${summary}`));
    return `    ${quoted(path.join(' '))}) next=(${described.join(' ')}) ;;\n`;
  });
  return `#compdef devaccess
# zsh completion for devaccess: written by 'devaccess completion zsh'
_devaccess_hosts() {
  local -a names
  names=(\${(f)"$(_devaccess_host_names "$PREFIX")"})
  _describe -t hosts host names "$@"
}
_devaccess_host_names() {
  ( setopt nonomatch; ${HOSTS} )
}
_devaccess_profiles() {
  local -a names
  names=(\${(f)"$(${PROFILES})"})
  _describe -t profiles profile names
}
_devaccess_tunnels() {
  local -a names
  names=(\${(f)"$(${TUNNELS})"})
  _describe -t tunnels tunnel names
}
_devaccess_fixed() {
  local -a names
  names=(\${(f)"$(${FIXED})"})
  _describe -t hosts 'fixed host' names
}
_devaccess_fleets() {
  local -a names
  names=(\${(f)"$(${FLEETS})"})
  _describe -t fleets fleet names
}
_devaccess_copies() {
  _alternative 'hosts:host:_devaccess_hosts -S : -q' 'files:file:_files'
}
_devaccess() {
  local place='' word
  local -a next
  integer at=2
  for word in "\${(@)words[2,CURRENT-1]}"; do
    case "\${place:+$place }$word" in
      ${knownPaths(commands).map(quoted).join('|')}) place="\${place:+$place }$word"; (( at++ )) ;;
      *) break ;;
    esac
  done
  case "$place" in
${places.join('')}${commands.map(commandCase).join('')}  esac
  _describe -t commands command next
}
if [[ "$funcstack[1]" == _devaccess ]]; then _devaccess "$@"; else compdef _devaccess devaccess; fi
`;
}

function commandCase({ path, flags, completes }: CommandWords): string {
  const specs = flags.flatMap(flagSpecs);
  const args =
    completes === undefined
      ? []
      : [completes === 'commands' ? "'*::command:_normal'" : `'*: :_devaccess_${completes}'`];
  return `    ${quoted(path.join(' '))})
      words=(${quoted(path.at(-1) ?? '')} "\${(@)words[at,-1]}")
      (( CURRENT -= at - 2 ))
      _arguments -s ${[...specs, ...args].join(' ')}
      return
      ;;
`;
}

function flagSpecs({ long, short, summary, value }: FlagWords): string[] {
  const about = `[${summary.replaceAll(/[[\\]\\\\]/g, '\\\\$&').replaceAll(/[[\]]/g, '\\$&')}]`;
  const action = valueAction(value);
  const names = [`--${long}`, ...(short === undefined ? [] : [`-${short}`])];
  return names.map((name) =>
    quoted(`*${name}${action === '' ? '' : name.startsWith('--') ? '=' : '+'}${about}${action}`),
  );
}

function valueAction(value: FlagWords['value']): string {
  switch (value.kind) {
    case 'none':
      return '';
    case 'options':
      return `:value:(${value.options.join(' ')})`;
    case 'profile':
      return ':profile:_devaccess_profiles';
    case 'fleet':
      return ':fleet:_devaccess_fleets';
    case 'host':
      return ':host:_devaccess_hosts';
    case 'file':
      return ':file:_files';
    case 'text':
      return ':value: ';
    default:
      return value satisfies never;
  }
}

function escaped(word: string): string {
  return word.replaceAll(':', '\\:');
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
