/**
 * User ids of sessions, both ends included. Above those of people (1000 to 9999 and up) and below the ones that systemd
 * hands out by itself (60001 and up: systemd.io/UIDS-GIDS). The packet filter (guest/boot/wall.nft), the socket wall
 * (guest/boot/helper) and the keeper (guest/seal) have the same numbers: a test holds them to these.
 */
export const SESSION_USERS = { from: 20_000, to: 59_999 } as const;

/** The ordinary user `nobody` of every Debian and Ubuntu. No session has it. */
export const NOBODY = 65_534;
