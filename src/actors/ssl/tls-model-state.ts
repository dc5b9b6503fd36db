import { EMPTY } from '../../wire/bytes.ts';
import type { ModelCertificate, ModelTrust } from './tls-model-certificate.ts';
import type { KeySink, TlsEvent, TlsFailure } from './tls-provider.ts';

/** RFC 8446 section 6. */
export const ALERT = {
  closeNotify: 0,
  unexpectedMessage: 10,
  badRecordMac: 20,
  protocolVersion: 70,
  certificateRequired: 116,
} as const;

/** Why a session cannot go on; `alert` is told to the peer. */
export interface Fault {
  readonly reason: TlsFailure;
  readonly detail: string;
  readonly alert?: number;
}

export const UNEXPECTED: Fault = { reason: 'malformed', detail: 'unexpected message', alert: ALERT.unexpectedMessage };
export const BAD_RECORD: Fault = {
  reason: 'malformed',
  detail: 'a record does not authenticate',
  alert: ALERT.badRecordMac,
};
export const OLD_PROTOCOL: Fault = {
  reason: 'protocol-version',
  detail: 'the client offers no TLS 1.3',
  alert: ALERT.protocolVersion,
};
export const CLOSED_EARLY: TlsEvent = {
  kind: 'failed',
  reason: 'closed-early',
  detail: 'the stream ended without close_notify',
};

export interface ModelContext {
  readonly seed: number;
  readonly certificate?: ModelCertificate;
  readonly trust: ModelTrust;
  readonly keys: KeySink;
  readonly device: string;
  readonly offers13: boolean;
}

/** All that an engine is: plain data. */
export interface ModelState {
  readonly version: 1;
  /** `hello`: awaits the other's hello; `flight`: its certificate and Finished; `ending`: its close_notify, ours is out. */
  phase: 'new' | 'hello' | 'flight' | 'open' | 'ending' | 'closed';
  randomStream: string;
  input: Uint8Array;
  inputEnded: boolean;
  clientRandom: Uint8Array;
  serverRandom: Uint8Array;
  /** Protected records so far. */
  sent: number;
  received: number;
  shown: ModelCertificate | 'none';
}

/** Before `start`. */
export function newState(randomStream: string): ModelState {
  return {
    version: 1,
    phase: 'new',
    randomStream,
    input: EMPTY,
    inputEnded: false,
    clientRandom: EMPTY,
    serverRandom: EMPTY,
    sent: 0,
    received: 0,
    shown: 'none',
  };
}
