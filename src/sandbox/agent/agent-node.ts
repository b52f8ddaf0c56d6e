/** The machine an agent runs on, as far as the sandbox has one. */
export interface AgentNode {
  /** HOME and working directory of what runs there. */
  homeDirectory: string;
  /** Programs that are found before this machine's. */
  programsDirectory?: string;
}

/** The environment of shells and commands; the node is this machine, so the rest stays out. */
export function nodeEnvironment(node: AgentNode): Record<string, string> {
  const { homeDirectory, programsDirectory } = node;
  const path = process.env.PATH ?? '/usr/local/bin:/usr/bin:/bin';
  return {
    PATH: programsDirectory === undefined ? path : `${programsDirectory}:${path}`,
    HOME: homeDirectory,
    TERM: 'xterm-256color',
    LANG: process.env.LANG ?? 'C.UTF-8',
  };
}
