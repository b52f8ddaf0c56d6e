/** The machine an agent runs on, as far as the sandbox has one. */
export interface AgentNode {
  /** HOME and working directory of what runs there. */
  homeDirectory: string;
}

/** The environment of shells and commands; the node is this machine, so the rest stays out. */
export function nodeEnvironment({ homeDirectory }: AgentNode): Record<string, string> {
  return {
    PATH: process.env.PATH ?? '/usr/local/bin:/usr/bin:/bin',
    HOME: homeDirectory,
    TERM: 'xterm-256color',
    LANG: process.env.LANG ?? 'C.UTF-8',
  };
}
