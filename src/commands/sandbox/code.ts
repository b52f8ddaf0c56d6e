import { DevaccessCommand } from '../../cli/base-command.ts';
import { DevaccessError, EXIT } from '../../platform/errors.ts';

export default class SandboxCode extends DevaccessCommand {
  static override summary = "Print the MFA code that the sandbox user's device shows now.";
  static override description =
    'Reads the secret from DEVACCESS_SANDBOX_MFA_SECRET, which `sandbox start` tells you to export.';

  async run(): Promise<{ code: string }> {
    await this.parse(SandboxCode);
    const { totpCode } = await import('../../sandbox/totp.ts');
    const base32Seed = process.env['DEVACCESS_SANDBOX_MFA_SECRET'];
    if (base32Seed === undefined || !/^[A-Z2-7]+=*$/.test(base32Seed)) {
      throw new DevaccessError('DA_USAGE', 'DEVACCESS_SANDBOX_MFA_SECRET is not set to a secret.', {
        exitCode: EXIT.usage,
        next: "export what 'devaccess sandbox start' printed.",
      });
    }
    const code = totpCode({ base32Seed }, Date.now());
    this.log(code);
    return { code };
  }
}
