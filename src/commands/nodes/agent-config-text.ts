import type { AgentConfig, AgentConfigEdit } from '../../nodes/agent/agent-config.ts';
import type { Setting } from '../../nodes/agent/config-document.ts';
import type { ConfigWarning } from '../../nodes/agent/config-warnings.ts';
import { printable } from '../../platform/errors.ts';

export interface AgentConfigJson {
  path: string;
  exists: boolean;
  settings: {
    name: string;
    /** As the file has it; null where it has not. */
    given: unknown;
    effective: unknown;
    means: string;
  }[];
  warnings: ConfigWarning[];
  /** Null where nothing was asked to be changed. */
  outcome: AgentConfigEdit['outcome'] | null;
  diff: string | null;
  /** What makes the agent read it; null where nothing was written. */
  restart: string | null;
}

export function configJson(
  { path, exists, document, warnings }: AgentConfig,
  edit: AgentConfigEdit | null,
  restart: string | null,
): AgentConfigJson {
  const settings = document.settings.map(({ name, given, effective, key }) => ({
    name,
    given: given ?? null,
    effective,
    means: key.means,
  }));
  const outcome = edit?.outcome ?? null;
  return { path, exists, settings, warnings, outcome, diff: edit?.diff ?? null, restart };
}

const WIDTH = 96;

/** What the agent makes of its file. @param isAll keys, too, of which the file says nothing */
export function configLines({ path, exists, document }: AgentConfig, isAll: boolean): string[] {
  const shown = document.settings.filter(
    ({ given, key }) => isAll || given !== undefined || key.section === 'Profile',
  );
  const head = exists ? path : `${path}: there is none, so that every key has its default`;
  return [printable(head), ...shown.flatMap(settingLines)];
}

function settingLines({ name, given, effective, key }: Setting): string[] {
  const source = given === undefined ? ' (default)' : '';
  const value = `${name} = ${JSON.stringify(effective)}${source}`;
  return ['', printable(value), ...wrapped(key.means)];
}

function wrapped(text: string): string[] {
  const lines: string[] = [];
  let line = '   ';
  for (const word of text.split(' ')) {
    if (line.length + 1 + word.length > WIDTH) {
      lines.push(line);
      line = '   ';
    }
    line += ` ${word}`;
  }
  return [...lines, line];
}
