import { DevaccessCommand } from '../../cli/base-command.ts';
import { IDENTITY_FLAGS, IGNORED_DEBUG } from './anywhere-flags.ts';

export default class AnywhereReadCertificateData extends DevaccessCommand {
  static override summary = 'Print a certificate as aws_signing_helper read-certificate-data does.';
  static override description =
    'For scripts written for aws_signing_helper: key type, DER in base64, decimal serial number and ' +
    'algorithms. devaccess anywhere inspect tells more.';
  static override examples = ['<%= config.bin %> <%= command.id %> --certificate node.pem'];
  static override enableJsonFlag = false;
  static override flags = {
    certificate: IDENTITY_FLAGS.certificate,
    'cert-selector': IDENTITY_FLAGS['cert-selector'],
    'system-store-name': IDENTITY_FLAGS['system-store-name'],
    'pkcs11-lib': IDENTITY_FLAGS['pkcs11-lib'],
    debug: IGNORED_DEBUG,
  };

  override async run(): Promise<void> {
    const { flags } = await this.parse(AnywhereReadCertificateData);
    const { certificateData } = await import('../../roles-anywhere/certificate-data.ts');
    const { readLeaf } = await import('../../roles-anywhere/identity.ts');
    const { identityPlan } = await import('../../roles-anywhere/session-plan.ts');
    const [certificate] = await readLeaf(identityPlan(flags, process.env));
    process.stdout.write(JSON.stringify(certificateData(certificate)));
  }
}
