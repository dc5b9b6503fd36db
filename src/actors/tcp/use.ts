import type { ConnectionName, TcpIndication, TcpRequest } from '../services.ts';
import type { TcpConnection } from './connection.ts';

/** A call about a connection that is there (RFC 9293 section 3.9.1: SEND, RECEIVE, CLOSE, ABORT, STATUS). */
export type TcpUse = Exclude<TcpRequest, { kind: 'listen' | 'unlisten' | 'connect' }>;

/** Works off one call; the answer where there is one. */
export function use(connection: TcpConnection, request: TcpUse): TcpIndication | undefined {
  switch (request.kind) {
    case 'write':
      connection.write(request.bytes, request.urgent);
      return undefined;
    case 'consumed':
      connection.consumed(request.bytes);
      return undefined;
    case 'choose':
      connection.choose(request.choices);
      return undefined;
    case 'close':
      connection.close();
      return undefined;
    case 'abort':
      connection.abort();
      return undefined;
    case 'status':
      return { kind: 'status', connection: request.connection, ...connection.status };
  }
}

/** The answer about a connection that is not there. */
export function statusOfNone(connection: ConnectionName): TcpIndication {
  const nothing = { sendWindow: 0, receiveWindow: 0, unacknowledged: 0, unread: 0, urgent: 0 };
  const numbers = { sendSequence: 0, receiveSequence: 0 };
  return { kind: 'status', connection, state: 'CLOSED', ...nothing, ...numbers, mss: 0, srtt_us: 0, rto_us: 0 };
}
