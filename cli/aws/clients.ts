/** Settings of every client: as many machines as there are, throttling is expected and slows us down instead of failing. */
export function clientSettings(region: string) {
  return { region, retryMode: "adaptive", maxAttempts: 10 } as const;
}
