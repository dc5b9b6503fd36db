import { Flag } from '../../wire/tcp.ts';
import type { Handshake } from './connect.ts';
import type { ConnectionCore, TcpStats } from './core.ts';
import type { Receiver } from './receive.ts';
import type { OutSegment } from './segment.ts';
import type { SendNumbers } from './send-numbers.ts';

/** Gives every segment of a connection its ACK, window and options. */
export class Outgoing {
  readonly #core: ConnectionCore;
  readonly #n: SendNumbers;
  readonly #receiver: Receiver;
  readonly #handshake: Handshake;
  readonly #stats: TcpStats;

  constructor(core: ConnectionCore, numbers: SendNumbers, receiver: Receiver, handshake: Handshake, stats: TcpStats) {
    this.#core = core;
    this.#n = numbers;
    this.#receiver = receiver;
    this.#handshake = handshake;
    this.#stats = stats;
  }

  /** Puts a segment on the wire; headroom as in {@link OutSegment}. */
  emit(seq: number, flags: number, payload: Uint8Array, headroom_bytes: number): void {
    const isSyn = (flags & Flag.SYN) !== 0;
    const isPure = payload.length === 0 && (flags & (Flag.SYN | Flag.FIN)) === 0;
    const { ack, window } = this.#receiver.acknowledge(isSyn, isPure);
    const options = isSyn ? this.#handshake.options() : this.#handshake.laterOptions(isPure);
    this.#stats.segmentsOut += 1;
    const { ecn } = this.#handshake;
    const notice = payload.length > 0 && !isSyn ? ecn.dataFlags(seq, payload.length) : undefined;
    const added = notice?.flags ?? (isSyn ? ecn.synFlags(flags) : ecn.ackFlags());
    const urgent = isSyn ? 0 : this.#core.urgent.pointer(seq, this.#n.una);
    const segment: OutSegment = {
      seq,
      ack: (flags & Flag.ACK) !== 0 ? ack : 0,
      flags: flags | added | (urgent > 0 ? Flag.URG : 0),
      window,
      options,
      payload,
      ecn: notice?.ecn,
    };
    const isCutBelow = this.#core.options.superSegments === true;
    const segment_bytes = seq === this.#n.mtuProbe ? payload.length : this.#n.mss;
    const sized = isCutBelow ? { ...segment, segment_bytes, headroom_bytes } : segment;
    this.#core.host.transmit(urgent > 0 ? { ...sized, urgent } : sized);
  }
}
