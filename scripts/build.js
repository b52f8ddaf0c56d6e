// Bundles src into dist: cli.cjs (`devaccess`), prompt.cjs (`devaccess status --prompt`), process.cjs
// (`devaccess credential-process`), anywhere.cjs (`devaccess anywhere credential-process`), proxy.cjs
// (`devaccess-proxy`), node-credentials.cjs (`devaccess nodes credentials`) and tunnels.cjs (what `devaccess tunnels up --detach` leaves running).
// `npm run build`.
// Finished files are renamed into place, so that a running build never takes them from anybody.
import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { basename, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

/** Of package.json the programs need the version alone: the rest is for developers. */
const versionOnly = {
  name: 'version-only',
  setup({ onLoad }) {
    const manifest = fileURLToPath(new URL('../package.json', import.meta.url));
    onLoad({ filter: /[\\/]package\.json$/ }, async ({ path }) => {
      if (path !== manifest) return undefined;
      const { version } = JSON.parse(await readFile(path, 'utf8'));
      return { contents: JSON.stringify({ version }), loader: 'json' };
    });
  },
};

const shared = {
  plugins: [versionOnly],
  bundle: true,
  platform: 'node',
  format: 'cjs',
  target: 'node20',
  mainFields: ['module', 'main'],
  minify: true,
  metafile: true,
  logLevel: 'warning',
  legalComments: 'none',
  // Scripts for other machines, handed out as they are.
  loader: { '.sh': 'text', '.ps1': 'text' },
  outExtension: { '.js': '.cjs' },
  // Optional, and native: loaded where a key is read from the system's keychain, or used in a token.
  external: ['@napi-rs/keyring', 'pkcs11js'],
};

/** Of `ws` sessions use the client alone, and never compresses: no server, no zlib. */
const webSocketClientOnly = {
  name: 'web-socket-client-only',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^ws$/ }, () => ({
      path: fileURLToPath(new URL('./lib/websocket.js', import.meta.resolve('ws'))),
    }));
    onLoad({ filter: /[\\/]ws[\\/]lib[\\/]permessage-deflate\.js$/ }, () => ({
      contents: `module.exports = { extensionName: 'permessage-deflate' };`,
    }));
  },
};

/**
 * The SDK registers every error class of a service when it is loaded, which keeps all of them and
 * their schemas in a bundle. An error without a class of its own still has its name and message.
 */
const sessionErrorsOnly = {
  name: 'session-errors-only',
  setup({ onLoad }) {
    const schemas = /[\\/]client-(?:ssm|kms)[\\/]dist-es[\\/]schemas[\\/]schemas_0\.js$/;
    onLoad({ filter: schemas }, async ({ path }) => ({
      contents: (await readFile(path, 'utf8')).replaceAll(
        /^n0_registry\.registerError\(.*\);$/gm,
        '',
      ),
    }));
  },
};

/** Of STS the proxy assumes roles alone: the client that the SDK's credential chain brings knows that. */
const roleAssumingOnly = {
  name: 'role-assuming-only',
  setup({ onResolve, resolve }) {
    onResolve({ filter: /^@aws-sdk\/client-sts$/ }, ({ kind, resolveDir }) =>
      resolve('@aws-sdk/nested-clients/sts', { kind, resolveDir }),
    );
  },
};

/**
 * A bundle for what must start fast: rid of what is not used, cut in two, and run from its compiled form.
 * NAME.cjs is the entry and what every run needs at once; NAME-later.cjs, beside it, is all that it
 * loads by `import()`. Both know each other's parts by `require`, as the loader gives it to them.
 *
 * @param {string[]} early modules loaded by `import()` that are to be in NAME.cjs all the same
 * @returns what esbuild tells of the parts
 */
async function buildFast(name, entry, plugins, early = []) {
  // First into modules that esbuild can rid of what is not used, the lazy parts apart from the rest …
  const parts = join(outdir, 'parts');
  const { metafile } = await build({
    ...shared,
    entryPoints: { [name]: entry },
    outdir: parts,
    format: 'esm',
    splitting: true,
    minify: false,
    outExtension: { '.js': '.js' },
    plugins: [...shared.plugins, ...plugins],
  });
  // Else esbuild takes them for modules of Node, in which `default` means another thing.
  await writeFile(join(parts, 'package.json'), '{"type":"commonjs"}');
  // … then into one file of those that are needed at once, and one of the others.
  const first = closure(metafile.outputs, [entry, ...early]);
  const others = Object.keys(metafile.outputs).filter((path) => !first.has(path));
  const imports = (paths, kind) =>
    paths.flatMap((path) =>
      metafile.outputs[path].imports.flatMap((each) => (each.kind === kind ? [each.path] : [])),
    );
  const targets = imports([...first, ...others], 'dynamic-import');
  const later = others.filter((path) => targets.includes(path));
  const common = imports(others, 'import-statement').filter((path) => first.has(path));
  const laterFile = `./${name}-later.cjs`;
  await bundleParts(`${name}.cjs`, {
    parts,
    contents: `export * from './${name}.js';\nexport const parts = ${getters(common)};`,
    isInside: (path) => first.has(path),
    outside: (part) => `require('${laterFile}').parts['${part}']`,
  });
  await bundleParts(laterFile, {
    parts,
    contents: `export const parts = ${getters(later)};`,
    isInside: (path) => !first.has(path),
    outside: (part) => `require('./${name}.cjs').parts['${part}']`,
  });
  await rm(parts, { recursive: true });
  return metafile;
}

/** The files of some modules, and those that are evaluated with them. */
function closure(outputs, entries) {
  const isEntry = ({ entryPoint }) => entries.some((entry) => entryPoint?.endsWith(entry));
  const found = new Set(Object.keys(outputs).filter((path) => isEntry(outputs[path])));
  for (const path of found) {
    for (const each of outputs[path].imports) {
      if (each.kind === 'import-statement' && each.path in outputs) found.add(each.path);
    }
  }
  return found;
}

/** An object of parts that are evaluated when they are asked for. */
function getters(paths) {
  const names = [...new Set(paths)].map((path) => basename(path));
  return `{${names.map((name) => `get '${name}'() { return require('./${name}'); }`).join()}}`;
}

async function bundleParts(file, { parts, contents, isInside, outside }) {
  const pathOf = (name) => relative(process.cwd(), join(parts, name)).replaceAll('\\', '/');
  await build({
    ...shared,
    stdin: { contents, resolveDir: parts },
    outfile: join(outdir, file),
    supported: { 'dynamic-import': false },
    plugins: [
      {
        name: 'other-half',
        setup({ onResolve, onLoad }) {
          onResolve({ filter: /^\.\/.*\.cjs$/ }, ({ path }) => ({ path, external: true }));
          onResolve({ filter: /^\.\/.*\.js$/ }, ({ path }) =>
            isInside(pathOf(path)) ? undefined : { path: basename(path), namespace: 'other-half' },
          );
          onLoad({ filter: /.*/, namespace: 'other-half' }, ({ path }) => ({
            contents: `module.exports = ${outside(path)};`,
          }));
        },
      },
    ],
  });
}

await mkdir('dist', { recursive: true });
const outdir = await mkdtemp(join('dist', 'build-'));
try {
  await build({
    ...shared,
    entryPoints: { cli: 'src/commands/commands.ts' },
    outdir,
    external: [...shared.external, 'ssh2', 'cpu-features', 'typescript'],
    supported: { 'dynamic-import': false },
  });
  await build({
    ...shared,
    entryPoints: { tunnels: 'src/commands/tunnels/detached-main.ts' },
    outdir,
    plugins: [...shared.plugins, webSocketClientOnly, sessionErrorsOnly],
  });
  await build({ ...shared, entryPoints: { prompt: 'src/credentials/prompt-main.ts' }, outdir });
  const nodeCredentials = 'src/nodes/bridge/credentials-main.ts';
  await build({ ...shared, entryPoints: { 'node-credentials': nodeCredentials }, outdir });
  await buildFast('process', 'src/credentials/process-main.ts', [roleAssumingOnly]);
  await buildFast('anywhere', 'src/roles-anywhere/process-main.ts', []);
  const metafile = await buildFast(
    'proxy',
    'src/session/proxy-main.ts',
    [webSocketClientOnly, sessionErrorsOnly, roleAssumingOnly],
    ['src/session/ssm-session-api.ts'],
  );
  // What is in the proxy's bundle is under test: every `ssh` pays for it.
  await writeFile(join(outdir, 'proxy.meta.json'), JSON.stringify(metafile));
  for (const file of await readdir(outdir)) await rename(join(outdir, file), join('dist', file));
} finally {
  await rm(outdir, { recursive: true, force: true });
}
