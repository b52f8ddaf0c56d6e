import { execute } from '@oclif/core';

/** Entry of the `devaccess` bundle; `bin/devaccess.js` calls it with the folder of package.json. */
export async function main(root: string): Promise<void> {
  // The SDK's advice about Node versions is for developers, not for who types the commands.
  process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] = 'true';
  await execute({ dir: root });
}
