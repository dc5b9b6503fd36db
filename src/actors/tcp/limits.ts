/** Limits of TCP. Where Linux and the RFC differ, the reason stands here. */

/** First retransmission timeout, before any round trip was measured (RFC 6298 section 2). */
export const FIRST_RTO_US = 1_000_000;
/** The same once a SYN had to be sent again and no round trip was measured (RFC 6298 section 5.7). */
export const RTO_AFTER_LOST_SYN_US = 3_000_000;
/** RFC 6298 wants 1 s; every big stack uses 200 ms, which is above any delayed ACK (Linux TCP_RTO_MIN). */
export const MIN_RTO_US = 200_000;
export const MAX_RTO_US = 60_000_000;
/** Times that data is sent again before the connection counts as dead: about 15 minutes (Linux tcp_retries2). */
export const DATA_RETRANSMISSIONS = 15;
/** Times that a SYN is sent again: just over 3 minutes (RFC 9293 MUST-23). */
export const SYN_RETRANSMISSIONS = 7;
/** Times that a SYN+ACK is sent again: a minute. */
export const SYN_ACK_RETRANSMISSIONS = 5;

/** Payload of a full segment whatever options take: with all of them on the smallest MSS (Linux leaves as much). */
export const MIN_PAYLOAD_BYTES = 8;

/** R1: after so many retransmissions in a row IP and the user hear of it (RFC 9293 SHLD-10: at least 3). */
export const R1_RETRANSMISSIONS = 3;

/** 2 MSL (RFC 9293 says 4 minutes, Linux 60 s). */
export const TIME_WAIT_US = 60_000_000;
/** Room between the numbers of a connection in TIME-WAIT and those of its successor: more than any unscaled window. */
export const ISN_GAP = 0x1_0001;
/** After so long in TIME-WAIT, timestamps tell a new connection's segments from the old one's (RFC 6191): its port may be used again. */
export const PORT_REUSE_US = 1_000_000;
/** An ACK waits so long for data to ride on or a second segment (RFC 9293 MUST-40: below 500 ms). */
export const DELAYED_ACK_US = 40_000;
/** At the start of a connection each segment is acknowledged at once, so that the sender's slow start is not slowed further. */
export const QUICK_ACK_SEGMENTS = 16;

/** Bytes in a send queue above which its user is told `full`; half of it is `writable` again. */
export const SEND_QUEUE_BYTES = 4 * 1024 * 1024;
/** Bytes that may wait for the user, and so the largest receive window. */
export const RECEIVE_BUFFER_BYTES = 1024 * 1024;
/** Bytes that arrived ahead of a gap: more than any window in use, or one loss would cost all that came behind it. */
export const OUT_OF_ORDER_BYTES = 8 * 1024 * 1024;
/** Segments that arrived ahead of a gap: tiny ones cost more than their bytes. */
export const OUT_OF_ORDER_SEGMENTS = 4096;
/** Ranges ahead of a gap that are remembered to be reported. */
export const SACK_RANGES = 64;
/** Segments under way: bounds the scoreboard whatever window the other side offers. */
export const SCOREBOARD_SEGMENTS = 16_384;

/** Largest segment that every IPv4 host takes (RFC 9293 MUST-15: when the other side names none). */
export const DEFAULT_MSS_BYTES = 536;
/** The same for IPv6: 1280 bytes less 60 of headers. */
export const DEFAULT_MSS6_BYTES = 1220;
/** An ICMP error that claims a narrower path counts as this (Linux min_pmtu): one that is forged could make segments of a few bytes. */
export const MIN_PATH_MTU_BYTES = 552;
/** A payload that nearly every path takes: where a search begins that doubts all larger ones (Linux tcp_base_mss). */
export const BASE_MSS_BYTES = 1024;
/** Sizes that differ by less are not worth a search (Linux tcp_probe_threshold). */
export const MTU_SEARCH_STEP_BYTES = 8;
/** A path may have become wider after so long (RFC 1191 section 6.3, RFC 8899 section 5.1.1). */
export const MTU_RAISE_US = 600_000_000;
/** A smaller size that the other side names is not believed (Linux TCP_MIN_SND_MSS): headers would be all there is. */
export const MIN_MSS_BYTES = 48;
/** Bytes that timestamps take in each segment, padding included. */
export const TIMESTAMPS_BYTES = 12;
/** Payload of a super-segment: an IP packet has at most 65,535 bytes, headers of IP and TCP take up to 80 of them. */
export const SUPER_SEGMENT_BYTES = 65_535 - 80;
export const MAX_WINDOW_SCALE = 14;
/** First congestion window (RFC 6928). */
export const INITIAL_WINDOW_SEGMENTS = 10;
/** Duplicate ACKs, or segments known to have arrived behind a gap, that make it a loss (RFC 5681, RFC 6675). */
export const DUPLICATES_FOR_LOSS = 3;

/** Ranges that a segment's options have room for (RFC 2018 section 3): alone, and beside timestamps. */
export const MAX_SACK_BLOCKS = 4;
export const MAX_SACK_BLOCKS_WITH_TIMESTAMPS = 3;

/** Above two round trips, so that a jitter of timers makes no tail loss probe. */
export const TAIL_PROBE_SLACK_US = 2_000;

/** Challenge ACKs of one connection in a period (RFC 5961 section 7). */
export const CHALLENGES_PER_PERIOD = 10;
export const CHALLENGE_PERIOD_US = 1_000_000;

/** An old timestamp is believed again after so long without a segment (RFC 7323 section 5.5). */
export const TIMESTAMP_VALID_US = 24 * 24 * 3_600 * 1_000_000;
/** One step of the timestamp clock. */
export const TIMESTAMP_TICK_US = 1_000;

/** A round trip longer than this is no measurement but a forged echo. */
export const MAX_RTT_US = 120_000_000;

/** When a quiet connection is probed. */
export interface Keepalive {
  /** Quiet time before the first probe. */
  readonly idle_us: number;
  /** Between probes. */
  readonly interval_us: number;
  /** Unanswered probes that end the connection. */
  readonly probes: number;
}
/** What a user gets that asks for keepalive and says no more (RFC 9293 MUST-28: two hours or more; the rest as in Linux). */
export const KEEPALIVE: Keepalive = { idle_us: 7_200_000_000, interval_us: 75_000_000, probes: 9 };
/** For hosts that ask for it: in FIN-WAIT-2 nothing else would ever notice that the other side is gone. */
export const FIN_WAIT_KEEPALIVE: Keepalive = { idle_us: 60_000_000, interval_us: 10_000_000, probes: 6 };

/** Connections of one TCP layer, all states. */
export const MAX_CONNECTIONS = 4096;
/** Handshakes under way per listening port. */
export const LISTEN_BACKLOG_CONNECTIONS = 128;
/** The counter in SYN cookies moves on; a cookie is good for one to two of these. */
export const SYN_COOKIE_PERIOD_US = 64_000_000;
export const FIRST_EPHEMERAL_PORT = 32_768;
export const LAST_EPHEMERAL_PORT = 60_999;

/** Bytes of a spliced stream that wait to be acknowledged on one side before the other side's window is left to shut. */
export const SPLICE_QUEUE_BYTES = 1024 * 1024;
/** Receive buffer of each side of a splice: what may still come while the window shuts. */
export const SPLICE_BUFFER_BYTES = 1024 * 1024;
