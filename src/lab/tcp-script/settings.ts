import { CONGESTION_NAMES } from '../../actors/tcp/congestion/congestion.ts';
import type { TcpConnectionOptions } from '../../actors/tcp/connection.ts';
import { ECN_CHOICES } from '../../actors/tcp/ecn.ts';
import { MTU_PROBINGS } from '../../actors/tcp/path-mtu.ts';
import { HEADERS_BYTES } from '../../actors/tcp/segment.ts';
import { FIELD_32, meant, type Names, numberIn, type Range, timeOf } from './value.ts';

const DEFAULT_MTU = 1500;
const DEFAULT_ISN = 1_000;
const DEFAULT_PEER_ISN = 5_000;
const DEFAULT_TOLERANCE_US = 1_000;

/** What every IPv4 path carries (RFC 791), and the longest packet. */
const MTU: Range = { least: 68, most: 65_535 };
const MSS: Range = { least: MTU.least - HEADERS_BYTES, most: MTU.most - HEADERS_BYTES };
/** The largest window there is (RFC 7323 section 2.3) holds no more. */
const BUFFER: Range = { least: 1, most: 2 ** 30 };
const COUNT: Range = { least: 1, most: 1_000 };

/** Options of a TCP's connections that a script may set. */
export type ConnectionSettings = Partial<
  Omit<TcpConnectionOptions, 'name' | 'local' | 'localPort' | 'remote' | 'remotePort' | 'mss'>
>;

/** What `options` lines say. */
export interface ScriptSettings {
  readonly connections: ConnectionSettings;
  readonly mtu: number;
  readonly backlog: number | undefined;
  /** Our initial number, and the one that the script's `seq 0` of a SYN stands for. */
  readonly isn: number;
  readonly peerIsn: number;
  /** How far from its time something may come. */
  readonly tolerance_us: number;
  /** The user takes data at once. Else only `consume` does. */
  readonly reads: boolean;
}

export const DEFAULT_SETTINGS: ScriptSettings = {
  connections: {},
  mtu: DEFAULT_MTU,
  backlog: undefined,
  isn: DEFAULT_ISN,
  peerIsn: DEFAULT_PEER_ISN,
  tolerance_us: DEFAULT_TOLERANCE_US,
  reads: true,
};

type Change = (
  take: () => string,
  names: Names,
) => { readonly connections?: ConnectionSettings } & Partial<ScriptSettings>;

const onOff = (text: string): boolean => {
  if (text === 'on' || text === 'off') return text === 'on';
  throw new Error(`"${text}" is neither on nor off`);
};
const connection =
  (read: (take: () => string, names: Names) => ConnectionSettings): Change =>
  (take, names) => ({
    connections: read(take, names),
  });

/** Every option by its word. */
const OPTIONS: Readonly<Record<string, Change>> = {
  mss: (take, names) => ({ mtu: numberIn(MSS, 'our "mss"', take(), names) + HEADERS_BYTES }),
  mtu: (take, names) => ({ mtu: numberIn(MTU, '"mtu"', take(), names) }),
  backlog: (take, names) => ({ backlog: numberIn(COUNT, '"backlog"', take(), names) }),
  isn: (take, names) => ({ isn: numberIn(FIELD_32, '"isn"', take(), names) }),
  'peer-isn': (take, names) => ({ peerIsn: numberIn(FIELD_32, '"peer-isn"', take(), names) }),
  tolerance: (take) => ({ tolerance_us: timeOf(take()) }),
  reader: (take) => ({ reads: readerOf(take()) }),
  nagle: connection((take) => ({ nagle: onOff(take()) })),
  hold: connection((take) => ({ holdSynAck: onOff(take()) })),
  wscale: connection((take) => ({ windowScale: onOff(take()) })),
  sack: connection((take) => ({ sack: onOff(take()) })),
  timestamps: connection((take) => ({ timestamps: onOff(take()) })),
  congestion: connection((take) => ({ congestion: oneOf('congestion control', CONGESTION_NAMES, take()) })),
  ecn: connection((take) => ({ ecn: oneOf('use of ECN', ECN_CHOICES, take()) })),
  'mtu-probing': connection((take) => ({ mtuProbing: oneOf('search for the MTU', MTU_PROBINGS, take()) })),
  'super-segments': connection((take) => ({ superSegments: onOff(take()) })),
  keepalive: connection((take, names) => ({
    keepalive: {
      idle_us: timeOf(take()),
      interval_us: timeOf(take()),
      probes: numberIn(COUNT, 'the number of probes', take(), names),
    },
  })),
  'fin-wait-keepalive': connection((take, names) => ({
    finWaitKeepalive: {
      idle_us: timeOf(take()),
      interval_us: timeOf(take()),
      probes: numberIn(COUNT, 'the number of probes', take(), names),
    },
  })),
  'user-timeout': connection((take) => ({ userTimeout_us: timeOf(take()) })),
  'send-queue': connection((take, names) => ({ sendQueueBytes: numberIn(BUFFER, '"send-queue"', take(), names) })),
  'receive-buffer': connection((take, names) => ({
    receiveBufferBytes: numberIn(BUFFER, '"receive-buffer"', take(), names),
  })),
  'time-wait': connection((take) => ({ timeWait_us: timeOf(take()) })),
  retransmissions: connection((take, names) => ({
    retransmissions: numberIn(COUNT, '"retransmissions"', take(), names),
  })),
};

/** Reads what stands behind `options`. @throws Error that says what is wrong */
export function withOptions(settings: ScriptSettings, text: string, names: Names): ScriptSettings {
  const words = text.split(/\s+/).filter((word) => word !== '');
  let changed = settings;
  while (words.length > 0) {
    const word = words.shift() as string;
    const change = OPTIONS[word];
    if (change === undefined) throw new Error(`there is no option "${word}": ${meant(word, Object.keys(OPTIONS))}`);
    const take = (): string => {
      const value = words.shift();
      if (value === undefined) throw new Error(`option "${word}" needs a value behind it`);
      return value;
    };
    const { connections, ...rest } = change(take, names);
    changed = { ...changed, ...rest, connections: { ...changed.connections, ...connections } };
  }
  return changed;
}

function readerOf(text: string): boolean {
  if (text === 'eager' || text === 'lazy') return text === 'eager';
  throw new Error(`"${text}" is no reader: eager takes data at once, lazy only by consume`);
}

function oneOf<T extends string>(what: string, known: readonly T[], text: string): T {
  const name = known.find((each) => each === text);
  if (name === undefined) throw new Error(`there is no ${what} "${text}": ${meant(text, known)}`);
  return name;
}
