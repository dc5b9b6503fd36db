import { Flag } from '../../wire/tcp.ts';
import type { ConnectionParts } from './connection-parts.ts';
import type { OutSegment } from './segment.ts';

/** Gives every segment of a connection its ACK, window and options. */
export class Outgoing {
  readonly #parts: ConnectionParts;

  constructor(parts: ConnectionParts) {
    this.#parts = parts;
  }

  /** Puts a segment on the wire; headroom as in {@link OutSegment}. */
  emit(seq: number, flags: number, payload: Uint8Array, headroom_bytes: number): void {
    const { core, receiver, handshake, stats } = this.#parts;
    const { n } = this.#parts.sender;
    const isSyn = (flags & Flag.SYN) !== 0;
    const isPure = payload.length === 0 && (flags & (Flag.SYN | Flag.FIN)) === 0;
    const { ack, window } = receiver.acknowledge(isSyn, isPure);
    const options = isSyn ? handshake.options() : handshake.laterOptions(isPure);
    stats.segmentsOut += 1;
    const { ecn } = handshake;
    const notice = payload.length > 0 && !isSyn ? ecn?.dataFlags(seq, payload.length) : undefined;
    const added = notice?.flags ?? (isSyn ? handshake.ecnFlags(flags) : (ecn?.ackFlags() ?? 0));
    const urgent = isSyn ? 0 : core.urgent.pointer(seq, n.una);
    const isCutBelow = core.options.superSegments === true;
    const segment_bytes = seq === n.mtuProbe ? payload.length : n.mss;
    const segment: OutSegment = {
      seq,
      ack: (flags & Flag.ACK) !== 0 ? ack : 0,
      flags: flags | added | (urgent > 0 ? Flag.URG : 0),
      window,
      options,
      payload,
      segment_bytes: isCutBelow ? segment_bytes : undefined,
      urgent: urgent > 0 ? urgent : undefined,
      headroom_bytes: isCutBelow ? headroom_bytes : 0,
      ecn: notice?.ecn,
    };
    core.host.transmit(segment);
  }
}
