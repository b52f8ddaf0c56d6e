// Bundles src into dist: cli.cjs (`devaccess`), prompt.cjs (`devaccess status --prompt`), process.cjs
// (`devaccess credential-process`), anywhere.cjs (`devaccess anywhere credential-process`), proxy.cjs
// (`devaccess-proxy`), node-credentials.cjs (`devaccess nodes credentials`) and tunnels.cjs (what `devaccess tunnels up --detach` leaves running).
// `npm run build`.
// Finished files are renamed into place, so that a running build never takes them from anybody.
import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const shared = {
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
 * A bundle for what must start fast: in two steps, and run from its compiled form.
 *
 * @returns what esbuild tells of the parts
 */
async function buildFast(name, entry, plugins) {
  // First into modules that esbuild can rid of what is not used, the lazy parts apart from the rest …
  const parts = join(outdir, 'parts');
  const { metafile } = await build({
    ...shared,
    entryPoints: { [name]: entry },
    outdir: parts,
    format: 'esm',
    splitting: true,
    minify: false,
    outExtension: { '.js': '.mjs' },
    plugins,
  });
  // … then into one file. Left as import(), the lazy parts could not be found beside it.
  await build({
    ...shared,
    entryPoints: { [name]: join(parts, `${name}.mjs`) },
    outdir,
    supported: { 'dynamic-import': false },
  });
  await rm(parts, { recursive: true });
  return metafile;
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
    plugins: [webSocketClientOnly, sessionErrorsOnly],
  });
  await build({ ...shared, entryPoints: { prompt: 'src/credentials/prompt-main.ts' }, outdir });
  const nodeCredentials = 'src/nodes/bridge/credentials-main.ts';
  await build({ ...shared, entryPoints: { 'node-credentials': nodeCredentials }, outdir });
  await buildFast('process', 'src/credentials/process-main.ts', [roleAssumingOnly]);
  await buildFast('anywhere', 'src/roles-anywhere/process-main.ts', []);
  const metafile = await buildFast('proxy', 'src/session/proxy-main.ts', [
    webSocketClientOnly,
    sessionErrorsOnly,
    roleAssumingOnly,
  ]);
  // What is in the proxy's bundle is under test: every `ssh` pays for it.
  await writeFile(join(outdir, 'proxy.meta.json'), JSON.stringify(metafile));
  for (const file of await readdir(outdir)) await rename(join(outdir, file), join('dist', file));
} finally {
  await rm(outdir, { recursive: true, force: true });
}
