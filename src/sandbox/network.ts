/**
 * The sandbox's private network. Its addresses exist in no kernel: whoever connects asks here for
 * the real loopback address behind one of them.
 */
export interface SandboxNetwork {
  /**
   * @param fromInstanceId the instance that connects
   * @param host `localhost`, an instance's private address or its name
   * @returns where to connect for real, or undefined when nothing may be reached there
   */
  connect(
    fromInstanceId: string,
    host: string,
    port: number,
  ): { host: string; port: number } | undefined;
}
