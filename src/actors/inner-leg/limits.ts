/** Limits of the inner leg. */

/** Credit of a new session, and what it grows to while the host reads as fast as bytes come. */
export const FIRST_WINDOW_BYTES = 64 * 1024;
export const WINDOW_BYTES = 1024 * 1024;
/** Bytes that wait for credit: so much a host's TCP may have acknowledged to it and not sent on. */
export const WAITING_BYTES = 256 * 1024;
/** Bytes for a host whose TCP has not acknowledged them, above which no more credit is given. */
export const LOCAL_QUEUE_BYTES = 256 * 1024;

/** DATA units of one session under way: what small ones cost above their bytes is bounded by it. */
export const UNITS_UNDER_WAY = 1024;
/** What a unit costs besides its bytes, in a gateway's queue: headers of its frame and of the record around it. */
export const UNIT_COST_BYTES = 128;
/**
 * Cost of everything that one host has under way. A gateway's TCP 2003 takes 4 MiB before frames are dropped, so three hosts may fill
 * theirs at once behind one gateway; where there are more, this is to be set lower.
 */
export const UNDER_WAY_BYTES = 1024 * 1024;

/** What has arrived is reported after so long at the latest. */
export const REPORT_US = 100_000;
/** ... and after a quarter of the window or of the units. */
export const REPORT_SHARE = 4;

/** What is not reported is asked about after so long, then after twice as long each time. */
export const CHECK_US = 1_000_000;
export const MAX_CHECK_US = 60_000_000;
/** Unanswered checks that end a session: about 11 minutes, as a TCP would give up. */
export const CHECKS = 16;
/** A session on which nothing happens is asked about so often. */
export const IDLE_CHECK_US = 600_000_000;

/** Unanswered checks that end a far session whose CONN-DONE has not shown to have arrived: about 31 s. Anybody can write a CONN-REQ. */
export const UNPROVEN_CHECKS = 4;

/** Sessions at a time. */
export const INNER_SESSIONS = 1280;
/** Those that others may have opened: the rest is for what the own host opens, whatever comes from the line. */
export const INNER_FAR_SESSIONS = 1024;
/** Those that one remote address may have opened. */
export const INNER_SESSIONS_PER_ADDRESS = 256;
/** RESETs in a second, and at once, that answer tokens nobody knows. */
export const RESETS_PER_SECOND = 100;
export const RESETS_BURST = 50;
