/**
 * The user's home folder, absolute. Where HOME names none and the user id has no entry in the system's list of users,
 * it is a folder below the one for temporary files, which is made for this user alone.
 *
 * @throws Error when somebody else made that folder, or may enter it
 */
export function homeFolder(): string;

/** Tells whether a path is a folder of this user's that nobody else may look into. One that cannot be looked at is not. */
export function isOursAlone(folder: string): boolean;

/** Number of this process's user; 0 where the system has none. */
export function userId(): number;
