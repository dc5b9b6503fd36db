import type { TcpEvent } from '../../machines/tcp.ts';
import { EMPTY } from '../../wire/bytes.ts';
import { seqAdd } from '../../wire/seq.ts';
import { Flag } from '../../wire/tcp.ts';
import type { ConnectionParts } from './connection-parts.ts';

const GIVE_UP: TcpEvent = { type: 'timeout.retransmission' };

/** A timer of the connection went off (RFC 9293 section 3.10.8): does what is due, and gives the event for the machine where there is one. */
export function timedOut(parts: ConnectionParts, name: string): TcpEvent | undefined {
  const { sender, receiver } = parts;
  const { rareTimers } = parts.core;
  switch (name) {
    case 'rto':
      return sender.timers.retransmission.fired() && !sender.timedOut() ? GIVE_UP : undefined;
    case 'persist':
      return rareTimers.fired('persist') && !sender.probeWindow() ? GIVE_UP : undefined;
    case 'user':
      return rareTimers.fired('user') ? GIVE_UP : undefined;
    case 'tlp':
      if (sender.timers.tailProbe.fired()) sender.probeTail();
      return undefined;
    case 'reorder':
      if (rareTimers.fired('reorder')) sender.recovery.reorderingOver();
      return undefined;
    case 'pace':
      // What waits goes out at the end of the step, as after everything.
      sender.timers.pacing?.fired();
      return undefined;
    case 'ack':
      if (receiver.delayedAck.fired()) receiver.ackNow = true;
      return undefined;
    case 'keepalive':
      return keepaliveDue(parts);
    case 'time-wait':
      return rareTimers.fired('time-wait') ? { type: 'timeout.time-wait' } : undefined;
    default:
      return undefined;
  }
}

function keepaliveDue({ core, sender, keepalive }: ConnectionParts): TcpEvent | undefined {
  if (!core.rareTimers.fired('keepalive')) return undefined;
  const verdict = keepalive.judge(sender.recovery.board.size > 0);
  if (verdict === 'dead') return { type: 'timeout.keepalive' };
  if (verdict === 'probe') core.emit(seqAdd(sender.n.nxt, -1), Flag.ACK, EMPTY);
  return undefined;
}
