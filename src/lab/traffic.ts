import { sha256 } from '@noble/hashes/sha2.js';
import type { JournalData } from '../actors/tap.ts';
import type { TcpLayer } from '../actors/tcp/layer.ts';
import { pattern } from '../actors/test-application/pattern.ts';
import { TRANSFER_PORT } from '../topologies/network.ts';
import type { EndPlan } from '../topologies/plan.ts';
import { toHex } from '../wire/bytes.ts';
import type { Lab } from './lab.ts';

/** An echo reply is waited for so long. */
const PING_LIMIT_US = 10_000_000;
/** Bytes that are hashed at a time. */
const HASH_BYTES = 1 << 20;

export interface PingResult {
  readonly sent: number;
  /** Round trip times of those that were answered, microseconds. */
  readonly rtts_us: readonly number[];
}

/** Who sends to whom. */
interface Way {
  /** Name of the sending host; default: the network's first end, terminal 21. */
  readonly from?: string;
  /** Default: the network's second end, server 31, or the first for what the second sends. */
  readonly to?: string;
}

export interface PingPlan extends Way {
  readonly count?: number;
  readonly interval_us?: number;
  /** Bytes of echo data. */
  readonly length?: number;
}

/** Sends echo requests from one host to the other and waits for what comes back. */
export function ping(lab: Lab, { count = 1, interval_us = 1_000_000, length = 56, ...way }: PingPlan = {}): PingResult {
  const { from, to } = endsOf(lab, way);
  const rtts_us: number[] = [];
  let over = 0;
  const end = lab.watch(({ kind, device, name, data }) => {
    if (kind !== 'note' || device !== from.device || (name !== 'pong' && name !== 'ping-lost')) return;
    over += 1;
    if (name === 'pong') rtts_us.push((data as { rtt_us: number }).rtt_us);
  });
  for (let seq = 1; seq <= count; seq++) {
    lab.tell(from.device, from.ping, 'ping', { destination: to.address, id: 1, seq, length });
    if (seq < count) lab.run(interval_us);
  }
  lab.until(() => over >= count, PING_LIMIT_US);
  end();
  return { sent: count, rtts_us };
}

export interface TransferPlan extends Way {
  readonly bytes: number;
  /** Virtual time after which it is given up. */
  readonly limit_us: number;
}

export interface TransferResult {
  /** Bytes that arrived, in order. */
  readonly received: number;
  readonly complete: boolean;
  /** Every byte that arrived is the one that was sent. */
  readonly intact: boolean;
  /** From the connect call to the last byte's arrival, or to the limit. */
  readonly time_us: number;
  readonly goodput_bps: number;
  /** Hexadecimal, of all that was to be sent and of all that arrived. */
  readonly sentSha256: string;
  readonly receivedSha256: string;
  /** Of the sending host's TCP (F23). */
  readonly retransmissions: number;
  /** Why TCP let go; undefined when the limit came first. */
  readonly reason?: string;
}

/** A transfer under way; at most one for each direction at a time. */
export interface RunningTransfer {
  readonly isOver: boolean;
  /** What has come of it so far. */
  result(): TransferResult;
  /** Looks on no longer. */
  end(): void;
}

/** Sends bytes from one host's application to the other's and waits until they are there and the connection is closed. */
export function transfer(lab: Lab, plan: TransferPlan): TransferResult {
  const running = startTransfer(lab, plan);
  lab.until(() => running.isOver, plan.limit_us);
  running.end();
  return running.result();
}

export function startTransfer(lab: Lab, { bytes, ...way }: Omit<TransferPlan, 'limit_us'>): RunningTransfer {
  const { from, to } = endsOf(lab, way);
  const connection = `push-${lab.now_us}`;
  const start_us = lab.now_us;
  const seen = {
    received: 0,
    last_us: start_us,
    receiving: '',
    reason: undefined as string | undefined,
    receiverDone: false,
  };
  const endRecords = lab.watch(({ kind, device, name, data }) => {
    if (kind !== 'note' || name !== 'transfer') return;
    const told = data as unknown as { connection: string; reason: string };
    if (device === from.device && told.connection === connection) seen.reason = told.reason;
    if (device === to.device && told.connection === seen.receiving) seen.receiverDone = true;
  });
  const hash = sha256.create();
  const endData = lab.onData((device, receiving, part) => {
    if (device !== to.device || (seen.receiving !== '' && receiving !== seen.receiving)) return;
    seen.receiving = receiving;
    seen.received += part.length;
    hash.update(part);
    seen.last_us = lab.now_us;
  });
  const order = { connection, destination: to.address, port: TRANSFER_PORT, bytes, seed: lab.settings.seed };
  lab.tell(from.device, from.application, 'push', order as unknown as JournalData);
  const stats = (lab.layer(from.device, from.tcp) as TcpLayer).connection(connection)?.stats;
  return {
    get isOver() {
      return seen.reason !== undefined && (seen.receiverDone || seen.reason !== 'normal');
    },
    result() {
      const complete = seen.received === bytes;
      const time_us = (complete ? seen.last_us : lab.now_us) - start_us;
      return {
        received: seen.received,
        complete,
        intact: !lab.received[to.device].broken.has(seen.receiving),
        time_us,
        goodput_bps: time_us === 0 ? 0 : Math.round((seen.received * 8_000_000) / time_us),
        sentSha256: patternSha256(lab.settings.seed, bytes),
        receivedSha256: toHex(hash.clone().digest()),
        retransmissions: stats?.retransmissions ?? 0,
        ...(seen.reason !== undefined && { reason: seen.reason }),
      };
    },
    end() {
      endRecords();
      endData();
    },
  };
}

function endsOf({ plan }: Lab, { from, to }: Way): { from: EndPlan; to: EndPlan } {
  const named = (name: string): EndPlan => {
    const end = plan.ends.find(({ device }) => device === name);
    if (end === undefined) throw new RangeError(`${name} is no end of this network`);
    return end;
  };
  const [first, second] = plan.ends as [EndPlan, EndPlan];
  const sender = from === undefined ? first : named(from);
  const receiver = to === undefined ? (sender === first ? second : first) : named(to);
  return { from: sender, to: receiver };
}

function patternSha256(seed: number, bytes: number): string {
  const hash = sha256.create();
  for (let at = 0; at < bytes; at += HASH_BYTES) hash.update(pattern(seed, at, Math.min(HASH_BYTES, bytes - at)));
  return toHex(hash.digest());
}
