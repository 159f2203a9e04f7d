/** Settings of every client. With many machines AWS throttles calls: that slows us down instead of failing. */
export function clientSettings(region: string) {
  return { region, retryMode: "adaptive", maxAttempts: 10 } as const;
}
