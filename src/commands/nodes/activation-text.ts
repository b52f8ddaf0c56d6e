import { localAndUtc } from '../../cli/time.ts';
import type { ActivationFiles } from '../../nodes/activation-files.ts';

/** What `nodes activate` made. The code is no part of it: that is for a file or the screen. */
export interface Activated {
  activationId: string;
  region: string;
  role: string;
  limit: number;
  /** ISO 8601. */
  expiresAt: string;
  files: ActivationFiles | null;
}

/** The lines that tell it, and what to do next. @param code shown where it is in no file */
export function activationText(
  { activationId, region, role, limit, expiresAt, files }: Activated,
  code: string,
): { lines: string[]; next: string } {
  const machines = limit === 1 ? 'machine' : 'machines';
  const about = [
    `for         ${limit} ${machines}, until ${localAndUtc(expiresAt)}`,
    `role        ${role}`,
    `region      ${region}`,
  ];
  if (files === null) {
    const script = `devaccess nodes install-script ${activationId} --region ${region}`;
    return {
      lines: [`activation  ${activationId}`, `code        ${code}`, ...about],
      next: `AWS does not tell the code again. A script that asks for it: ${script}`,
    };
  }
  const places = [
    `code in     ${files.code}`,
    `Linux       ${files.linux}`,
    `Windows     ${files.windows}`,
  ];
  return {
    lines: [`activation  ${activationId}`, ...about, ...places],
    next:
      'Copy the code and a script to the machine, then: ' +
      'sudo sh register-linux.sh --code-file activation-code',
  };
}
