import type { Mac } from '../../wire/address.ts';
import { buildControlFrame, parseControlFrame } from '../../wire/control-frame.ts';
import { VLAN_TAG_BYTES } from '../../wire/ethernet.ts';
import { buildHairpin, HAIRPIN_HEADER_BYTES, parseHairpin } from '../../wire/hairpin.ts';
import { RECORD_OVERHEAD_BYTES, RECORD_TAG_BYTES } from '../../wire/record.ts';
import { Reason } from '../../wire/terms.ts';
import { engineSessionOf } from '../engine/start.ts';
import type { CipherIndication, CipherRequest } from '../services.ts';

/** So much longer than a full untagged LAN frame a hairpin frame with the sealed record of a tagged one is, in bytes. */
export const HAIRPIN_OVERHEAD_BYTES = HAIRPIN_HEADER_BYTES + VLAN_TAG_BYTES + RECORD_OVERHEAD_BYTES;

/** Sites are for engines that choose a session for each frame. */
const NO_SITE = 0;

/** The way from SSL 2002 to engine X and back: Ethernet frames through the virtual NIC. */
export interface HairpinOptions {
  /** Address of the virtual NIC: whence the frames come, and whither they go back. */
  readonly mac: Mac;
  /** Longest LAN frame without tag: what carries one is taken, more is not. */
  readonly maxFrame_bytes: number;
}

/** The frame that carries a request; undefined for a record that no hairpin frame takes. */
export function frameOfRequest(
  request: CipherRequest,
  { mac, maxFrame_bytes }: HairpinOptions,
): Uint8Array | undefined {
  if (request.kind === 'install') {
    // Engine X makes no F10 frames: it needs no next hop and no F13 numbers.
    const session = engineSessionOf(
      { ...request, site: NO_SITE },
      {
        shape: 'tcp',
        link: { own: mac, nextHop: 0 },
        numbers: { next: 0, acknowledged: 0 },
      },
    );
    return buildControlFrame({ kind: 'start', session }, mac);
  }
  const { kind, sessionId } = request;
  if (kind === 'forget') return buildControlFrame({ kind: 'stop', sessionId, reason: Reason.OPERATOR }, mac);
  const sealedBytes = request.record.length + (kind === 'seal' ? RECORD_TAG_BYTES : 0);
  if (sealedBytes > maxFrame_bytes + VLAN_TAG_BYTES + RECORD_OVERHEAD_BYTES) return undefined;
  return buildHairpin(kind, sessionId, request.record, mac);
}

/** What a frame of engine X says; `nothing` for its other news, the reason where it cannot be read. */
export function indicationOf(bytes: Uint8Array): CipherIndication | 'nothing' | { readonly malformed: string } {
  const hairpin = parseHairpin(bytes);
  if (hairpin.ok) {
    const { way: kind, sessionId, record, isAnswer } = hairpin;
    return isAnswer ? { kind, sessionId, record } : { malformed: 'hairpin-question' };
  }
  const control = parseControlFrame(bytes);
  if (!control.ok) return { malformed: hairpin.reason === 'hairpin-truncated' ? hairpin.reason : control.reason };
  const { message } = control;
  // It also answers our own STOP so: then the session is known no longer.
  return message.kind === 'stopped' ? { kind: 'refused', sessionId: message.sessionId } : 'nothing';
}
