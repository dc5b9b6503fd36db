import type { TcpState } from '../../machines/tcp.ts';
import { seqDiff } from '../../wire/seq.ts';
import type { TcpStatus } from '../services.ts';
import type { Receiver } from './receive.ts';
import type { Sender } from './send.ts';
import type { Urgent } from './urgent.ts';

/** The answer of the STATUS call (RFC 9293 section 3.9.1). */
export function statusOf(state: TcpState, sender: Sender, receiver: Receiver, urgent: Urgent): TcpStatus {
  const { rtt } = sender.recovery;
  return {
    state,
    sendWindow: sender.n.wnd,
    receiveWindow: receiver.window,
    unacknowledged: seqDiff(sender.end, sender.n.queueSeq),
    unread: receiver.n.unread,
    urgent: urgent.left(receiver.consumedTo),
    mss: sender.n.mss,
    srtt_us: Math.round(rtt.srtt_us),
    rto_us: rtt.rto_us(),
  };
}
