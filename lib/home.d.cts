/**
 * The user's home folder, absolute. Where HOME names none and the user id has no entry in the system's list of users,
 * it is a folder below the one for temporary files, which is made for this user alone.
 *
 * @throws Error when somebody else made that folder, or may enter it
 */
export function homeFolder(): string;

/** Number of this process's user; 0 where the system has none. */
export function userId(): number;
