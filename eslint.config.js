// Dependency directions are part of the design (docs/architecture.md); lint keeps them.
import boundaries from 'eslint-plugin-boundaries';
import tseslint from 'typescript-eslint';

const domains = [
  'config',
  'credentials',
  'hosts',
  'session',
  'copy',
  'doctor',
  'iam',
  'nodes',
  'roles-anywhere',
];

/** What each layer may import. Anything not listed is refused. */
const allowed = {
  commands: [...domains, 'sandbox', 'cli', 'aws', 'platform'],
  cli: ['platform'],
  config: ['platform'],
  credentials: ['aws', 'platform'],
  hosts: ['aws', 'platform'],
  session: ['session-protocol', 'session-protocol-codec', 'aws', 'platform'],
  // It runs the machine's ssh, which reaches servers by whatever the SSH config says.
  copy: ['copy-sftp', 'platform'],
  // Of the others it knows what they found; commands bring them together.
  doctor: ['aws', 'platform'],
  iam: ['aws', 'platform'],
  nodes: ['aws', 'platform'],
  'roles-anywhere': ['aws', 'platform'],
  // The sandbox plays AWS: it shares the wire codecs, never the client's logic.
  sandbox: ['session-protocol-codec', 'platform'],
  aws: ['platform'],
  platform: [],
  'session-protocol': ['session-protocol-codec'],
  'session-protocol-codec': [],
  'copy-sftp': [],
};

const codecFolders = ['message', 'smux', 'encryption'].map(
  (name) => `src/session/protocol/${name}/**`,
);

export default tseslint.config(
  { ignores: ['dist/**', 'node_modules/**', 'coverage/**'] },
  {
    files: ['src/**/*.ts', 'test/**/*.ts', 'vitest.config.ts'],
    extends: [tseslint.configs.strictTypeChecked, tseslint.configs.stylisticTypeChecked],
    languageOptions: {
      parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname },
    },
    rules: {
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true, allowBoolean: true },
      ],
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true },
      ],
      '@typescript-eslint/consistent-type-definitions': 'off',
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      '@typescript-eslint/no-unused-vars': [
        'error',
        { argsIgnorePattern: '^_', varsIgnorePattern: '^_' },
      ],
      'no-console': 'error',
      '@typescript-eslint/dot-notation': ['error', { allowIndexSignaturePropertyAccess: true }],
      eqeqeq: ['error', 'always'],
    },
  },
  {
    files: ['src/**/*.ts'],
    plugins: { boundaries },
    settings: {
      'import/resolver': { node: { extensions: ['.ts', '.js', '.json'] } },
      'boundaries/elements': [
        { type: 'session-protocol-codec', pattern: codecFolders, partialMatch: false },
        {
          type: 'session-protocol',
          pattern: 'src/session/protocol/channel/**',
          partialMatch: false,
        },
        { type: 'copy-sftp', pattern: 'src/copy/sftp/**', partialMatch: false },
        ...['commands', 'cli', 'sandbox', 'aws', 'platform', ...domains].map((name) => ({
          type: name,
          pattern: `src/${name}/**`,
          partialMatch: false,
        })),
      ],
    },
    rules: {
      'boundaries/no-unknown-dependencies': 'error',
      'boundaries/no-unknown-files': 'error',
      'boundaries/dependencies': [
        'error',
        {
          default: 'disallow',
          policies: Object.entries(allowed).map(([from, to]) => ({
            from: { element: { type: from } },
            allow: { to: { element: { type: [from, ...to] } } },
          })),
        },
      ],
    },
  },
  { files: ['test/**/*.ts'], rules: { '@typescript-eslint/no-non-null-assertion': 'off' } },
);
