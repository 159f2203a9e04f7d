/** The hidden command that supervises a detached run: its request comes by standard input (`detached.ts`). */
export const SUPERVISE = "supervise-detached";
