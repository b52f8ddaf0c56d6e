/** A program that writes one profile again and again until it is killed: `writer FILE PROFILE`. */
import { randomBytes } from 'node:crypto';
import { editSection } from '../../src/aws/files/ini-edit.ts';
import { DevaccessError } from '../../src/platform/errors.ts';
import { editFile } from '../../src/platform/safe-file.ts';

const [file = '', profile = ''] = process.argv.slice(2);
for (;;) {
  process.stdout.write((await isWritten()) ? '.' : 'b');
}

/** Whether it was; a program that never rests, or 63 others, may be in the way for too long. */
async function isWritten(): Promise<boolean> {
  const token = randomBytes(200).toString('base64');
  try {
    await editFile(file, (text) =>
      editSection(text, profile, {
        aws_access_key_id: `ASIA${profile.toUpperCase()}`,
        aws_secret_access_key: randomBytes(30).toString('base64'),
        aws_session_token: token,
        aws_security_token: token,
        expiration: '2038-01-01 00:00:00',
      }),
    );
    return true;
  } catch (error) {
    if (error instanceof DevaccessError && error.code === 'DA_FILE_BUSY') return false;
    throw error;
  }
}
