import type { InterfaceAddress } from '../../src/actors/services.ts';
import { parseFrame } from '../../src/wire/frame.ts';
import { buildInnerFrame, type InnerEnds, innerDataBytes, readInnerUnits } from '../../src/wire/inner-frame.ts';
import { INNER_MAX_POSITION, type InnerMessage, NO_INNER_TOKEN } from '../../src/wire/inner-leg.ts';
import { HEADERS_BYTES, OWN } from './frames.ts';

export const INNER_MTU = 1500;
const OWN_TOKEN = 77;
const MOST_BYTES = innerDataBytes(INNER_MTU, OWN.address);
/** How many units come for each CREDIT; with fewer, what the other end may have under way would not do. */
const UNITS_PER_CREDIT = 64;

/** Payload of a host's frame of `frame_bytes`; of a full one what fits one DATA unit, as the host's MSS has it. */
export function innerPayload(frame_bytes: number): Uint8Array {
  return new Uint8Array(Math.min(frame_bytes - HEADERS_BYTES, MOST_BYTES));
}

/** The other end of a session on the inner leg, as little of it as a benchmark needs: it grants everything, and everything arrives. */
export class InnerPeer {
  /** DATA units that it got. */
  delivered = 0;
  readonly #link: { readonly source: number; readonly destination: number };
  readonly #ends: InnerEnds;
  #token = NO_INNER_TOKEN;
  #sent = 0;

  /** `ends` as this end sees them. */
  constructor(own: InterfaceAddress, other: InterfaceAddress, ends: InnerEnds) {
    this.#link = { source: own.mac, destination: other.mac };
    this.#ends = ends;
  }

  request(): Uint8Array {
    return this.#frame({ kind: 'conn-req', ...this.#opening });
  }

  data(payload: Uint8Array): Uint8Array {
    const position = this.#sent;
    this.#sent += payload.length;
    return this.#frame({ kind: 'data', token: this.#token, position, bytes: payload, urgent: false });
  }

  /** Takes a frame of the end under test; the frame that it answers with, if any. */
  takes(frame: Uint8Array): Uint8Array | undefined {
    const parsed = parseFrame(frame);
    if (!parsed.ok) throw new Error(`no frame of the inner leg: ${parsed.reason}`);
    const [message] = readInnerUnits(frame, parsed.payloadOffset, parsed.payloadEnd).messages;
    if (message.kind === 'conn-req' || message.kind === 'conn-done') this.#token = message.ownToken;
    if (message.kind === 'conn-req') return this.#frame({ kind: 'conn-done', token: this.#token, ...this.#opening });
    return message.kind === 'data' ? this.#arrived(message.position + message.bytes.length) : undefined;
  }

  get #opening() {
    return { ownToken: OWN_TOKEN, granted: INNER_MAX_POSITION, mostBytes: MOST_BYTES };
  }

  #arrived(received: number): Uint8Array | undefined {
    this.delivered += 1;
    if (this.delivered % UNITS_PER_CREDIT !== 0) return undefined;
    return this.#frame({ kind: 'credit', token: this.#token, granted: INNER_MAX_POSITION, received });
  }

  #frame(message: InnerMessage): Uint8Array {
    return buildInnerFrame(this.#link, this.#ends, { seq: 1, ack: 2 }, message);
  }
}
