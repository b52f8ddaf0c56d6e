import { knownPaths, nextWords, topicPaths } from './command-words.ts';
import type { CommandWords, FlagWords } from './command-words.ts';
import { FIXED, FLEETS, HOSTS, PROFILES, TUNNELS } from './name-sources.ts';

/** A completion script for fish 3. */
export function fishCompletion(
  commands: readonly CommandWords[],
  topics: Readonly<Record<string, string>>,
): string {
  const lines = topicPaths(commands).flatMap((path) =>
    nextWords(commands, topics, path).map(
      ({ word, summary }) =>
        `complete -c devaccess -n ${at(path)} -a ${quoted(word)} -d ${quoted(summary)}`,
    ),
  );
  return `# fish completion for devaccess: written by 'devaccess completion fish'
function __devaccess_hosts
    sh -c ${quoted(HOSTS)} sh (commandline -ct)
end
function __devaccess_profiles
    sh -c ${quoted(PROFILES)}
end
function __devaccess_tunnels
    sh -c ${quoted(TUNNELS)}
end
function __devaccess_fixed
    sh -c ${quoted(FIXED)}
end
function __devaccess_fleets
    sh -c ${quoted(FLEETS)}
end
# Whether the words so far are exactly this command, flags and its arguments aside.
function __devaccess_at
    set -l words (commandline -opc)[2..-1]
    set -l known ${knownPaths(commands).map(quoted).join(' ')}
    set -l place
    for word in $words
        set -l longer "$place $word"
        if contains -- (string trim -- $longer) $known
            set place (string trim -- $longer)
        else if not string match -q -- '-*' $word
            break
        end
    end
    test "$place" = "$argv"
end
complete -c devaccess -f
${[...lines, ...commands.flatMap(commandLines)].join('\n')}
`;
}

function commandLines({ path, flags, completes }: CommandWords): string[] {
  const line = (rest: string): string => `complete -c devaccess -n ${at(path)} ${rest}`;
  const names: Record<NonNullable<CommandWords['completes']>, string[]> = {
    hosts: ["-a '(__devaccess_hosts)'"],
    copies: ["-F -a '(__devaccess_hosts | string replace -r \\'$\\' :)'"],
    tunnels: ["-a '(__devaccess_tunnels)'"],
    fixed: ["-a '(__devaccess_fixed)'"],
    commands: ["-a '(__fish_complete_subcommand)'"],
  };
  return [
    ...flags.map((flag) => line(flagOptions(flag))),
    ...(completes === undefined ? [] : names[completes].map(line)),
  ];
}

function flagOptions({ long, short, summary, value }: FlagWords): string {
  const name = `-l ${long}${short === undefined ? '' : ` -s ${short}`}`;
  return `${name}${valueOptions(value)} -d ${quoted(summary)}`;
}

function valueOptions(value: FlagWords['value']): string {
  switch (value.kind) {
    case 'none':
      return '';
    case 'options':
      return ` -x -a ${quoted(value.options.join(' '))}`;
    case 'profile':
      return " -x -a '(__devaccess_profiles)'";
    case 'fleet':
      return " -x -a '(__devaccess_fleets)'";
    case 'host':
      return " -x -a '(__devaccess_hosts)'";
    case 'file':
      return ' -r -F';
    case 'text':
      return ' -x';
    default:
      return value satisfies never;
  }
}

function at(path: readonly string[]): string {
  return quoted(['__devaccess_at', ...path].join(' '));
}

/** fish takes a backslash in single quotes for an escape before a quote or a backslash. */
function quoted(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}
