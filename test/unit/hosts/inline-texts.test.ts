import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { segments, withInlineTexts } from '../../../src/hosts/inline-texts.ts';

const NAME = 'devaccess-default-eu-west-1.conf';
const OTHER = 'devaccess-prod@eu-west-1.conf';
const TEXT = '# devaccess-hosts 1\n\nHost web\n    HostName i-0123\n';

const edit = (config: string, changes: [string, string | undefined][], below = 0): string =>
  withInlineTexts(config, new Map(changes), { path: '/c', below: () => below });
const texts = (config: string) =>
  segments(config, '/c').flatMap((part) => ('name' in part ? [[part.name, part.text]] : []));

describe('texts inside of a config', () => {
  it('go above everything, and give what follows back to all hosts', () => {
    const config = edit('User me\nHost x\n', [[NAME, TEXT]]);
    expect(config).toMatch(
      /^# >>> devaccess-default-eu-west-1\.conf >>> .*\n# devaccess-hosts 1\n\nHost web\n.*\n\nHost \*\n# <<< devaccess-default-eu-west-1\.conf <<<\nUser me\nHost x\n$/,
    );
    expect(texts(config)).toEqual([[NAME, TEXT]]);
    expect(edit(config, [[NAME, TEXT]])).toBe(config);
  });

  it('stay in their place when they change, and below an Include of ours when they are new', () => {
    const config = `Host x\n${edit('', [[NAME, TEXT]])}Host y\n`;
    const changed = edit(config, [[NAME, `${TEXT}    User a\n`]]);
    expect(changed).toMatch(/^Host x\n# >>>[^]*User a\n\nHost \*\n# <<<.*\nHost y\n$/);
    const two = edit(`Include i\nHost x\n`, [[NAME, TEXT]], 'Include i\n'.length);
    expect(two).toMatch(/^Include i\n# >>>[^]*# <<<.*\nHost x\n$/);
    expect(texts(edit(changed, [[OTHER, TEXT]])).map(([name]) => name)).toEqual([OTHER, NAME]);
  });

  it('take the line ends of the file', () => {
    const config = edit('Host x\r\n', [[NAME, TEXT]]);
    expect(config.replaceAll('\r\n', '')).not.toContain('\n');
    expect(texts(config)).toEqual([[NAME, TEXT]]);
  });

  it('keep what is not ASCII', () => {
    const text = '# devaccess-hosts 1 {"config":"/home/jürgen/日本"}\n';
    expect(texts(edit('# caf\xe9\n', [[NAME, text]]))).toEqual([[NAME, text]]);
  });

  it.each([
    `# >>> ${NAME} >>>\nHost a\n`,
    `# >>> ${NAME} >>>\n# >>> ${OTHER} >>>\n# <<< ${NAME} <<<\n`,
    `# <<< ${NAME} <<<\nHost y\n`,
  ])('are refused where one has no end, or no beginning: %j', (config) => {
    expect(() => edit(`Host x\n${config}`, [])).toThrow(
      expect.objectContaining({
        code: 'DA_INLINE_BLOCK',
        message: expect.stringMatching(/^\/c:2: /) as string,
      }) as Error,
    );
  });

  it('leave every other byte, and go again without a trace', () => {
    const line = fc.constantFrom(
      'Host x',
      '  User me',
      '',
      '# >>> mine >>>',
      '# <<< x <<<',
      'é\xff',
      '\t',
    );
    const config = fc
      .tuple(fc.array(line, { maxLength: 6 }), fc.constantFrom('\n', '\r\n'), fc.boolean())
      .map(([lines, eol, ends]) => lines.join(eol) + (ends ? eol : ''));
    fc.assert(
      fc.property(config, config, (above, below) => {
        const whole = above === '' || above.endsWith('\n') ? above : `${above}\n`;
        const alone = whole + below;
        const once = edit(alone, [[NAME, TEXT]]);
        expect(edit(once, [[NAME, undefined]])).toBe(alone);
        const between = whole + edit('', [[NAME, TEXT]]) + below;
        const changed = edit(edit(between, [[NAME, `${TEXT}\n`]]), [[OTHER, TEXT]]);
        expect(
          edit(changed, [
            [NAME, undefined],
            [OTHER, undefined],
          ]),
        ).toBe(alone);
      }),
    );
  });
});
