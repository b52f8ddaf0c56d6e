// The one import from outside src: package.json is where releases set the version.
// eslint-disable-next-line boundaries/no-unknown-dependencies
import manifest from '../../package.json' with { type: 'json' };

/** The version of devaccess, as in package.json. */
export const VERSION: string = manifest.version;
