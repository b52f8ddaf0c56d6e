/** A place for secrets that are found by name. A promise that resolves tells that it is done. */
export interface SecretStore {
  /** For people, such as `the macOS Keychain`. */
  readonly label: string;
  /**
   * Makes sure that it can be used, which may ask the person; the rest then asks nothing.
   *
   * @throws DevaccessError where it cannot; nothing was changed
   */
  prepare(): Promise<void>;
  /** Undefined where it has nothing of this name. */
  read(name: string): Promise<string | undefined>;
  write(name: string, secret: string): Promise<void>;
  /** Needs no passphrase. Nothing of this name is no error. */
  remove(name: string): Promise<void>;
}
