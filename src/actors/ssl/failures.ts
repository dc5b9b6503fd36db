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
