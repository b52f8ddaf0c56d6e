import { execute } from '@oclif/core';

/** Entry of the `devaccess` bundle; `bin/devaccess.js` calls it with its own URL. */
export async function main(binUrl: string): Promise<void> {
  await execute({ dir: binUrl });
}
