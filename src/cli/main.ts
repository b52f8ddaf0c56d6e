import { execute } from '@oclif/core';
import { errorLine, EXIT } from '../platform/errors.ts';
import { errorCode, fileError } from '../platform/file-errors.ts';

/** Entry of the `devaccess` bundle; `bin/devaccess.js` calls it with the folder of package.json. */
export async function main(root: string): Promise<void> {
  // The SDK's advice about Node versions is for developers, not for who types the commands.
  process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] = 'true';
  const streams = [process.stdout, process.stderr];
  let lost: unknown;
  // Not as an exception, which oclif makes of it: sessions would stay open.
  process.stdout.removeAllListeners('error');
  for (const stream of streams) {
    stream.on('error', (error) => {
      // Nobody reads any more, as after `| head`: no failure.
      if (errorCode(error) === 'EPIPE' || lost !== undefined) return;
      lost = error;
      const reason = errorLine(fileError(error, 'write', 'the output'));
      if (stream !== process.stderr) process.stderr.write(`devaccess: ${reason}\n`);
    });
  }
  await execute({ dir: root });
  await Promise.all(streams.map(written));
  if (lost !== undefined && Number(process.exitCode ?? 0) === 0) process.exitCode = EXIT.failed;
  // A command that has come to its end ends, whatever AWS leaves unanswered: that could be a minute.
  process.exit();
}

/** Resolves when nothing that was written is still on its way, or nobody reads any more. */
function written(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => {
    stream.write('', () => resolve());
  });
}
