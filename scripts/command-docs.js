// Writes docs/commands/*.md from the commands themselves; `--check` only tells whether they are stale.
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { format, resolveConfig } from 'prettier';

const { COMMANDS } = createRequire(import.meta.url)('../dist/cli.cjs');
const folder = new URL('../docs/commands/', import.meta.url);

function flagLine([name, flag]) {
  const short = flag.char ? `-${flag.char}, ` : '';
  const value = flag.type === 'option' ? ` ${flag.helpValue ?? name.toUpperCase()}` : '';
  const notes = [
    flag.summary ?? flag.description ?? '',
    flag.aliases?.length ? `(also ${flag.aliases.map((alias) => `--${alias}`).join(', ')})` : '',
    flag.options ? `(${flag.options.join(', ')})` : '',
    flag.default !== undefined &&
    typeof flag.default !== 'function' &&
    flag.default !== false &&
    `${flag.default}` !== ''
      ? `(default: ${flag.default})`
      : '',
  ].filter(Boolean);
  return `- \`${short}--${name}${value}\` ${notes.join(' ')}`;
}

function page(id, command) {
  const name = `devaccess ${id.replaceAll(':', ' ')}`;
  const flags = Object.entries(command.flags ?? {})
    .filter(([, flag]) => !flag.hidden)
    .sort(([left], [right]) => left.localeCompare(right));
  if (command.enableJsonFlag)
    flags.push(['json', { summary: 'print the result as JSON', type: 'boolean' }]);
  const filledIn = (text) =>
    text
      .replaceAll('<%= config.bin %>', 'devaccess')
      .replaceAll('<%= command.id %>', id.replaceAll(':', ' '));
  const examples = (command.examples ?? []).map(filledIn);
  const usage = command.usage ? `devaccess ${filledIn(command.usage)}` : `${name} [flags]`;
  return [
    `# ${name}`,
    command.summary ?? '',
    command.description ?? '',
    `\`\`\`\n${usage}\n\`\`\``,
    flags.map(flagLine).join('\n'),
    ...(examples.length > 0 ? ['Examples', `\`\`\`\n${examples.join('\n')}\n\`\`\``] : []),
  ]
    .filter(Boolean)
    .join('\n\n');
}

const stale = [];
await mkdir(folder, { recursive: true });
for (const [id, command] of Object.entries(COMMANDS)) {
  if (command.hidden) continue;
  const file = new URL(`${id.replaceAll(':', '-')}.md`, folder);
  const options = await resolveConfig(file.pathname);
  const text = await format(page(id, command), { ...options, parser: 'markdown' });
  const current = await readFile(file, 'utf8').catch(() => '');
  if (current === text) continue;
  if (process.argv.includes('--check')) stale.push(file.pathname);
  else await writeFile(file, text);
}
if (stale.length > 0) {
  process.stderr.write(`stale, run 'npm run docs': ${stale.join(', ')}\n`);
  process.exit(1);
}
