import { meant } from './value.ts';

const DEFAULT_OPTIONS = '<mss 1460>';
const DEFAULT_WINDOW = '65535';

const CLOSE = ['close', '> FIN+ACK seq 1 ack 1'];
const PEER_CLOSES = ['< FIN+ACK seq 1 ack 1', '> ACK seq 1 ack 2', 'remote-closed'];

/** What leads from ESTABLISHED, or where it begins before that, to each state. */
const WAYS: Readonly<Record<string, readonly string[]>> = {
  LISTEN: ['listen'],
  'SYN-SENT': ['connect', '> SYN seq 0'],
  'SYN-RECEIVED': ['listen', '< SYN seq 0 <mss 1460>', '> SYN+ACK seq 0 ack 1'],
  ESTABLISHED: ['open'],
  'FIN-WAIT-1': ['open', ...CLOSE],
  'FIN-WAIT-2': ['open', ...CLOSE, '< ACK seq 1 ack 2'],
  'CLOSE-WAIT': ['open', ...PEER_CLOSES],
  CLOSING: ['open', ...CLOSE, ...PEER_CLOSES.map((line) => line.replace('> ACK seq 1', '> ACK seq 2'))],
  'LAST-ACK': ['open', ...PEER_CLOSES, 'close', '> FIN+ACK seq 1 ack 2'],
  'TIME-WAIT': [
    'open',
    ...CLOSE,
    '< ACK seq 1 ack 2',
    '< FIN+ACK seq 1 ack 2',
    '> ACK seq 2 ack 2',
    'remote-closed',
    'closed normal',
  ],
};

/** Words that stand for several lines. */
export const SHORT_WORDS = ['open', 'accept', 'reach'] as const;

/** The lines that a short one stands for; undefined when it is none. @throws Error that says what is wrong */
export function expanded(text: string): readonly string[] | undefined {
  const timed = /^(\+\S+|at\s+\S+)\s+([a-z].*)$/.exec(text);
  if (timed !== null) {
    const [first, ...more] = expanded(timed[2] as string) ?? [];
    return first === undefined ? undefined : [`${timed[1]} ${first}`, ...more];
  }
  const [word, ...values] = text.split(/\s+/);
  if (word === 'reach') return reach(values);
  if (word === 'open') return open(text.slice(word.length));
  if (word === 'accept') return accept(text.slice(word.length));
  return undefined;
}

function reach(values: readonly string[]): readonly string[] {
  const [state = ''] = values;
  const way = values.length === 1 ? WAYS[state] : undefined;
  if (way === undefined) throw new Error(`"reach" needs a state: ${meant(state, Object.keys(WAYS))}`);
  // TIME-WAIT and LISTEN have no connection of the user's, or none yet.
  return state === 'LISTEN' ? way : [...way, `state ${state}`];
}

function open(rest: string): readonly string[] {
  const { options, window, delay } = openingOf(rest);
  return [
    'connect',
    '> SYN seq 0',
    `${delay}< SYN+ACK seq 0 ack 1 win ${window} ${options}`,
    '> ACK seq 1 ack 1',
    'connected',
  ];
}

function accept(rest: string): readonly string[] {
  const { options, window, delay } = openingOf(rest);
  return [
    'listen',
    `< SYN seq 0 win ${window} ${options}`,
    '> SYN+ACK seq 0 ack 1',
    `${delay}< ACK seq 1 ack 1 win ${window}`,
    'accepted',
  ];
}

/** `win 1000 rtt 100ms <mss 1460, sackOK>`, each left out or not. */
function openingOf(rest: string): { options: string; window: string; delay: string } {
  const options = /<[^>]*>/.exec(rest)?.[0] ?? DEFAULT_OPTIONS;
  const words = rest
    .replace(options, '')
    .trim()
    .split(/\s+/)
    .filter((word) => word !== '');
  let window = DEFAULT_WINDOW;
  let delay = '';
  while (words.length > 0) {
    const [word, value] = words.splice(0, 2);
    if (word === 'win' && value !== undefined) window = value;
    else if (word === 'rtt' && value !== undefined) delay = `+${value} `;
    else throw new Error(`"${word}" means nothing here: write like open win 1000 rtt 100ms <mss 1460, sackOK>`);
  }
  return { options, window, delay };
}
