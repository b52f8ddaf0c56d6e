import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { callerPolicy } from '../../src/iam/generated-policy.ts';
import type { AccessWords } from '../../src/iam/policy/access-request.ts';
import type { PolicyDocument } from '../../src/iam/policy/policy-document.ts';
import { cdk } from '../../src/iam/render/cdk.ts';
import { cloudFormation } from '../../src/iam/render/cloudformation.ts';
import { FORMATS } from '../../src/iam/render/formats.ts';
import { renderPolicy } from '../../src/iam/render/render.ts';
import { terraform, text } from '../../src/iam/render/terraform.ts';
import type { PolicyTemplate } from '../../src/iam/render/template.ts';
import { matches, readPattern } from '../../src/iam/review/pattern.ts';
import { reviewPolicy } from '../../src/iam/review/review.ts';
import { DevaccessError } from '../../src/platform/errors.ts';

const WORDS: AccessWords = {
  account: '123456789012',
  regions: ['eu-central-1'],
  kind: 'user',
  name: 'devaccess',
  features: [],
  documents: [],
  tags: ['team=a'],
  targets: [],
  kmsKeys: [],
  osUser: undefined,
  trusted: [],
  mfaAgeS: 43_200,
  strict: false,
};

/** What each format makes of texts, often with what steers a format. */
const hostile = fc.oneof(
  fc.string({ unit: 'grapheme-ascii' }),
  fc
    .array(
      fc.constantFrom(
        ...['"', '\\', '${', '%{', '$', '%', '{', '}', '{{resolve:ssm:x}}', '#', ': ', '- ', '\n'],
        ...["'", '`', '//', '*/', '!Ref ', '&a', '<<EOT', 'é', '\u0085', '\u00a0', 'a', ' '],
      ),
    )
    .map((parts) => parts.join('')),
);

const QUOTED = /"(?:[^"\\\n]|\\.)*"/g;

/** A text without its quoted parts: nothing that a person gives may change it. */
function skeleton(rendered: string): string {
  return rendered.replace(QUOTED, '""');
}

function template(tag: string): PolicyTemplate {
  const policy: PolicyDocument = {
    Version: '2012-10-17',
    Statement: [
      {
        Sid: 'A',
        Effect: 'Allow',
        Action: 'ssm:StartSession',
        Resource: '*',
        Condition: { StringEquals: { [`ssm:resourceTag/${tag}`]: [tag] } },
      },
    ],
  };
  return {
    kind: 'user',
    name: 'devaccess',
    policies: [policy],
    trust: undefined,
    managedPolicyArns: [],
    explained: [],
  };
}

describe('what a person gives a policy', () => {
  it('is refused, or a value in it and nothing more', () => {
    const words = fc.record({
      account: fc.oneof(fc.constant('123456789012'), hostile),
      region: fc.oneof(fc.constant('eu-central-1'), hostile),
      tag: fc.oneof(
        hostile,
        fc.tuple(hostile, hostile).map(([key, value]) => `${key}=${value}`),
      ),
      document: fc.option(hostile, { nil: undefined }),
      target: fc.option(hostile, { nil: undefined }),
      name: fc.oneof(fc.constant('devaccess'), hostile),
    });
    const benign = callerPolicy(WORDS);
    fc.assert(
      fc.property(words, ({ account, region, tag, document, target, name }) => {
        const asked: AccessWords = {
          ...WORDS,
          account,
          regions: [region],
          tags: [tag],
          documents: document === undefined ? [] : [document],
          targets: target === undefined ? [] : [target],
          name,
        };
        try {
          const policy = callerPolicy(asked);
          for (const format of FORMATS) {
            const rendered = renderPolicy(policy, format, {
              section: 'permissions',
              part: undefined,
            });
            if (document === undefined && target === undefined) {
              const usual = renderPolicy(benign, format, {
                section: 'permissions',
                part: undefined,
              });
              expect(skeleton(rendered)).toBe(skeleton(usual));
            }
            // A template of HCL, or a secret that CloudFormation would look up.
            expect(rendered).not.toMatch(format === 'terraform' ? /(?<![$\\])[$%]\{/ : /\{\{/);
          }
        } catch (error) {
          if (!(error instanceof DevaccessError)) throw error;
          expect(error.code).toBe('DA_USAGE');
        }
      }),
      { numRuns: 300 },
    );
  });

  it('stays within its quotes in every template, whatever it is', () => {
    const usual = template('a');
    fc.assert(
      fc.property(hostile, (tag) => {
        for (const render of [terraform, cloudFormation, cdk]) {
          expect(skeleton(render(template(tag)))).toBe(skeleton(render(usual)));
        }
        // Values of YAML and TypeScript are those of JSON.
        for (const render of [cloudFormation, cdk]) {
          const values = (render(template(tag)).match(QUOTED) ?? []).map(
            (each) => JSON.parse(each) as string,
          );
          expect(values).toContain(tag);
          expect(values).toContain(`ssm:resourceTag/${tag}`);
        }
      }),
    );
  });
});

const quiet = { ...process.env, CHECKPOINT_DISABLE: '1' };
const hasTerraform = spawnSync('terraform', ['version'], { env: quiet }).status === 0;

describe.skipIf(!hasTerraform)('Terraform', () => {
  it('reads every text as it was meant', () => {
    const folder = mkdtempSync(join(tmpdir(), 'devaccess-hcl-'));
    try {
      const values = fc.sample(hostile, { numRuns: 300, seed: 1 });
      const list = values.map((value) => `    ${text(value)},`).join('\n');
      writeFileSync(join(folder, 'main.tf'), `output "values" {\n  value = [\n${list}\n  ]\n}\n`);
      const env = { PATH: process.env['PATH'], HOME: folder, CHECKPOINT_DISABLE: '1' };
      const run = (...args: string[]) =>
        spawnSync('terraform', args, { cwd: folder, env, encoding: 'utf8' });
      const applied = run('apply', '-auto-approve', '-no-color');
      expect(applied.stderr).toBe('');
      const state = JSON.parse(readFileSync(join(folder, 'terraform.tfstate'), 'utf8')) as {
        outputs: { values: { value: string[] } };
      };
      // HCL normalises to NFC, which changes nothing here.
      expect(state.outputs.values.value).toEqual(values);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe('patterns of IAM', () => {
  it('match as the regular expressions that they stand for', () => {
    const unit = fc.constantFrom('a', 'b', '*', '?', '.');
    const pattern = fc.string({ unit, maxLength: 12 });
    const subject = fc.string({ unit: fc.constantFrom('a', 'b', '.'), maxLength: 12 });
    fc.assert(
      fc.property(pattern, subject, (glob, text) => {
        const source = glob.replace(/[.]/g, '\\.').replace(/\*/g, '.*').replace(/\?/g, '.');
        const expected = new RegExp(`^${source}$`).test(text);
        expect(matches(readPattern(glob, undefined) ?? [], text)).toBe(expected);
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('a review', () => {
  it('ends with findings or a reason, whatever the JSON is', () => {
    const strange = fc.jsonValue({ maxDepth: 4 });
    const statement = fc.dictionary(
      fc.constantFrom('Effect', 'Action', 'NotAction', 'Resource', 'Condition', 'Sid', 'Principal'),
      fc.oneof(
        fc.constantFrom('Allow', 'Deny', '*', 'ssm:*', 'arn:aws:ssm:*:*:session/${x'),
        strange,
      ),
    );
    const policy = fc.record({
      Version: strange,
      Statement: fc.oneof(fc.array(statement), strange),
    });
    const { account: _, ...words } = WORDS;
    fc.assert(
      fc.property(fc.oneof(policy, strange), (value) => {
        try {
          const review = reviewPolicy(JSON.stringify(value), 'policy', {
            ...words,
            account: undefined,
          });
          for (const finding of review.findings) expect(finding.fix).not.toBe('');
        } catch (error) {
          if (!(error instanceof DevaccessError)) throw error;
          expect(error.code).toBe('DA_POLICY_INVALID');
        }
      }),
      { numRuns: 200 },
    );
  });
});
