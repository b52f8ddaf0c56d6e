import { DevaccessCommand } from '../../cli/base-command.ts';
import { VERSION } from '../../platform/version.ts';

export default class AnywhereVersion extends DevaccessCommand {
  static override summary = 'Print the version, as aws_signing_helper version does.';
  static override enableJsonFlag = false;

  override async run(): Promise<void> {
    await this.parse(AnywhereVersion);
    process.stdout.write(`${VERSION}\n`);
  }
}
