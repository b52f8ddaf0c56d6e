/** The service's clock, in epoch milliseconds, as the answer that became this error told it. */
export function serverTimeOf(error: unknown): number | undefined {
  const { cause } = (error ?? {}) as { cause?: unknown };
  const { $response } = (cause ?? {}) as {
    $response?: { headers?: Record<string, string | undefined> };
  };
  const timeMs = Date.parse($response?.headers?.['date'] ?? '');
  return Number.isNaN(timeMs) ? undefined : timeMs;
}
