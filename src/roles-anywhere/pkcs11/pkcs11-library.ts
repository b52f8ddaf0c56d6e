/**
 * PKCS#11 libraries (smart cards, HSMs, TPMs behind tpm2-pkcs11), through the optional package
 * pkcs11js. It is loaded where a name begins with `pkcs11:`, and only there.
 */
import type * as Pkcs11js from 'pkcs11js';
import { DevaccessError } from '../../platform/errors.ts';
import { returnValue } from './pkcs11-errors.ts';

/** It knows all libraries that are installed properly; the loader of the system finds it. */
const DEFAULT_LIBRARIES: Partial<Record<NodeJS.Platform, string>> = {
  darwin: 'p11-kit-proxy.dylib',
  win32: 'p11-kit-proxy.dll',
};

/** A library at work, and the constants of the standard. */
export interface Library {
  readonly calls: Pkcs11js.PKCS11;
  readonly constants: typeof Pkcs11js;
}

/**
 * Loads a library for as long as `work` lasts: a token may be taken out and put in between two uses.
 *
 * @param path a file or a name that the system's loader finds; default p11-kit's proxy
 * @throws DevaccessError DA_PKCS11_LIBRARY; what `work` throws
 */
export async function withLibrary<T>(
  path: string | undefined,
  work: (library: Library) => Promise<T>,
): Promise<T> {
  const constants = await loadPackage();
  const calls = new constants.PKCS11();
  const file = path ?? DEFAULT_LIBRARIES[process.platform] ?? 'p11-kit-proxy.so';
  const started = start(calls, file, path === undefined);
  try {
    return await work({ calls, constants });
  } finally {
    if (started.isOurs) quietly(() => calls.C_Finalize());
    quietly(() => calls.close());
  }
}

function start(calls: Pkcs11js.PKCS11, file: string, isDefault: boolean): { isOurs: boolean } {
  try {
    calls.load(file);
    calls.C_Initialize();
    return { isOurs: true };
  } catch (error) {
    if (returnValue(error) === 'CKR_CRYPTOKI_ALREADY_INITIALIZED') return { isOurs: false };
    const reason = error instanceof Error ? error.message.slice(0, 200) : '';
    throw libraryError(
      `The PKCS#11 library ${file} cannot be used: ${reason}`,
      isDefault
        ? "install p11-kit, or name the token's own library with --pkcs11-lib"
        : 'give the whole path of the library with --pkcs11-lib',
      error,
    );
  }
}

async function loadPackage(): Promise<typeof Pkcs11js> {
  try {
    return await import('pkcs11js');
  } catch (error) {
    throw libraryError(
      'PKCS#11 tokens need the package pkcs11js, which is not installed or was not compiled',
      'install it beside devaccess, with a C++ compiler at hand: npm install pkcs11js',
      error,
    );
  }
}

function libraryError(message: string, next: string, cause: unknown): DevaccessError {
  return new DevaccessError('DA_PKCS11_LIBRARY', message, { next, cause });
}

/** What is cleared away after the work does not change how that went. */
export function quietly(work: () => void): void {
  try {
    work();
  } catch {
    // The token may be gone.
  }
}
