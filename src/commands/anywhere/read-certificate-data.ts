import { Flags } from '@oclif/core';
import { DevaccessCommand } from '../../cli/base-command.ts';

export default class AnywhereReadCertificateData extends DevaccessCommand {
  static override summary = 'Print a certificate as aws_signing_helper read-certificate-data does.';
  static override description =
    'For scripts written for aws_signing_helper: key type, DER in base64, decimal serial number and ' +
    'algorithms. devaccess anywhere inspect tells more.';
  static override examples = ['<%= config.bin %> <%= command.id %> --certificate node.pem'];
  static override enableJsonFlag = false;
  static override flags = {
    certificate: Flags.string({ helpValue: 'FILE', required: true, description: 'PEM file' }),
  };

  override async run(): Promise<void> {
    const { flags } = await this.parse(AnywhereReadCertificateData);
    const { readCertificates } = await import('../../roles-anywhere/certificate-file.ts');
    const { certificateData } = await import('../../roles-anywhere/certificate-data.ts');
    const [certificate] = readCertificates(flags.certificate);
    process.stdout.write(JSON.stringify(certificateData(certificate)));
  }
}
