import type { TcpState } from '../../machines/tcp.ts';
import { seqDiff } from '../../wire/seq.ts';
import type { MachineView } from '../layer.ts';
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
    sendSequence: sender.end,
    receiveSequence: receiver.deliveredTo,
  };
}

/** The machines of a connection: its own and, where congestion control has phases, that of these. */
export function machinesOf(machine: MachineView, { recovery }: Sender): readonly MachineView[] {
  const { phases } = recovery.congestion;
  return (phases === undefined ? [machine] : [machine, phases]).map(viewOf);
}

function viewOf({ instance, machine, state }: MachineView): MachineView {
  return { instance, machine, state };
}

/** What a connection knows of its path. */
export interface TcpPath {
  /** Congestion window in bytes. */
  readonly cwnd: number;
  /** Smoothed round trip, and retransmission timeout. */
  readonly srtt_us: number;
  readonly rto_us: number;
  /** Bytes that the other side offers. */
  readonly window: number;
  readonly mss: number;
}

/** What a sender knows of its path now. */
export function pathOf({ n, recovery }: Sender): TcpPath {
  const { congestion, rtt } = recovery;
  return {
    cwnd: congestion.cwnd,
    srtt_us: Math.round(rtt.srtt_us),
    rto_us: rtt.rto_us(),
    window: n.wnd,
    mss: n.mss,
  };
}
