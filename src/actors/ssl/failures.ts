import { Reason } from '../../wire/terms.ts';
import type { SslFailure, TcpCloseReason } from '../services.ts';
import type { TlsFailure } from './tls-provider.ts';

/** What the application is told when TLS fails. */
export function failureOfTls(reason: TlsFailure): SslFailure {
  if (reason === 'timeout') return 'timed-out';
  return reason === 'too-many-handshakes' ? 'busy' : reason;
}

/** What the application is told when TCP's connection goes before TLS has ended. */
export function failureOfTcp(reason: TcpCloseReason): SslFailure {
  switch (reason) {
    case 'refused':
      return 'tcp-refused';
    case 'timed-out':
      return 'tcp-timed-out';
    case 'unreachable':
      return 'tcp-unreachable';
    case 'normal':
      return 'closed-early';
    default:
      return 'tcp-reset';
  }
}

/** What a STOP says when the negotiation fails; of any other end only that somebody wanted it. */
const STOP_REASONS: readonly (readonly [SslFailure, number])[] = [
  ['leg-tampered', Reason.LEG_TAMPERED],
  ['no-common-suite', Reason.NO_COMMON_SUITE],
  ['malformed', Reason.MALFORMED],
];

/** The reason that a STOP gives for our end of the session. */
export function stopReasonOf(why: string): number {
  return STOP_REASONS.find(([failure]) => failure === why)?.[1] ?? Reason.OPERATOR;
}

/** What the application is told when the peer says STOP. */
export function failureOfStop(reason: number): SslFailure | 'peer' {
  return STOP_REASONS.find(([, said]) => said === reason)?.[0] ?? 'peer';
}
