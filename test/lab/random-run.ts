import { SeededRandom } from '../../src/actors/random.ts';
import { Lab } from '../../src/lab/lab.ts';
import { hangUp } from '../../src/lab/run.ts';
import { labSettings } from '../../src/lab/settings.ts';
import type { Sighting } from '../../src/lab/taps.ts';
import { type RunningTransfer, startTransfer } from '../../src/lab/traffic.ts';
import { isTunnel } from './support.ts';

const SECOND_US = 1_000_000;
const EVENTS_MOST = 10;
const TUNNELS = ['e2', 'e3', 'e3-mirrored', 'e3-folded', 'e4', 'e4-folded'];
/** Virtual time that a transfer may take, with everything that happens to it. */
const TRANSFER_LIMIT_US = 1200 * SECOND_US;
/** Calls that wait in the scheduler, and state of a gateway after its session: more is a queue without a bound. */
const WAITING_MOST = 20_000;
const SAVED_MOST_BYTES = 300_000;
/** Frames that a stranger on the path remembers, and sends in one go. */
const REMEMBERED_FRAMES = 100;
const STRIKE_FRAMES = 20;
/** After so long nothing of a session may be left, TIME-WAIT included. */
const QUIET_US = 200 * SECOND_US;

/** Of Ethernet and IPv4. */
const HEADERS_BYTES = 34;

/** What went wrong in one run of random settings, impairments and events; empty when nothing did. The same seed does the same. */
export function randomRun(seed: number): string[] {
  const random = new SeededRandom(seed, 'random run');
  const lab = new Lab(randomSettings(seed, random));
  lab.start();
  if (!lab.until(() => lab.isUp, 300 * SECOND_US)) return ['the session does not come up'];
  const transfers = (['terminal21', 'server31'] as const)
    .filter(() => random.fraction() < 0.8)
    .map((from) => startTransfer(lab, { from, bytes: 1000 + random.below(400_000) }));
  const faults: string[] = [];
  const stranger = new Stranger(lab, random);
  for (let event = random.below(EVENTS_MOST); event > 0; event--) {
    lab.run(random.below(random.fraction() < 0.7 ? SECOND_US / 3 : 10 * SECOND_US));
    if (random.fraction() < 0.4) stranger.strike();
    else randomEvent(lab, random);
    if (lab.scheduler.waiting > WAITING_MOST) faults.push(`${lab.scheduler.waiting} calls wait`);
  }
  lab.cables.W3.isCut = false;
  for (const gateway of ['gateway20', 'gateway30'] as const) {
    const peer = gateway === 'gateway20' ? 'gateway30' : 'gateway20';
    lab.tell(gateway, lab.topLabel(gateway), 'connect', { peer });
  }
  lab.until(() => transfers.every(({ isOver }) => isOver), TRANSFER_LIMIT_US);
  if (!lab.until(() => lab.isUp, 300 * SECOND_US)) faults.push('the session did not come back');
  return [...faults, ...transfers.flatMap(transferFaults), ...endFaults(lab)];
}

function randomSettings(seed: number, random: SeededRandom) {
  const pick = <T>(...choices: T[]): T => choices[random.below(choices.length)];
  const some = (most: number) => (random.fraction() < 0.5 ? 0 : random.fraction() * most);
  return labSettings(pick(...TUNNELS), {
    seed,
    shape: pick('tcp' as const, 'udp' as const),
    handshake: pick('hold' as const, 'immediate' as const),
    hostMtu: pick(600, 1300, 1400, 1500),
    orders: pick([0, 1] as const, [1, 0] as const, [0] as const),
    suites: pick([1] as const, [2] as const, [3] as const),
    path: {
      delay_us: random.below(80_000),
      rate_bps: pick(0, 2_000_000, 20_000_000, 200_000_000),
      loss: some(0.05),
      burst_frames: pick(1, 1, 3),
      reorder: some(0.05),
      duplicate: some(0.05),
      corrupt: some(0.005),
    },
  });
}

function randomEvent(lab: Lab, random: SeededRandom): void {
  const gateway = random.fraction() < 0.5 ? 'gateway20' : 'gateway30';
  const peer = gateway === 'gateway20' ? 'gateway30' : 'gateway20';
  const tell = (name: string) => lab.tell(gateway, lab.topLabel(gateway), name, { peer });
  const what = random.below(4);
  if (what === 0) lab.cables.W3.isCut = !lab.cables.W3.isCut;
  else if (what === 1) lab.tell('gateway30', lab.topLabel('gateway30'), 'renew', { peer: 'gateway20' });
  else if (what === 2) tell('disconnect');
  else tell('connect');
}

function transferFaults(running: RunningTransfer): string[] {
  running.end();
  const { complete, intact, reason, received } = running.result();
  if (!intact) return ['a wrong byte arrived'];
  return complete && reason === 'normal' ? [] : [`a transfer is not through: ${received} bytes, ${reason}`];
}

function endFaults(lab: Lab): string[] {
  const faults: string[] = [];
  if (!hangUp(lab, 'gateway30'))
    faults.push(
      `sessions are stuck: ${JSON.stringify([lab.status('gateway20').sessions, lab.status('gateway30').sessions])}`,
    );
  lab.run(QUIET_US);
  for (const gateway of ['gateway20', 'gateway30'] as const) {
    const states = lab.devices[gateway].layers.flatMap((layer) =>
      layer.machines().map(({ machine, state }) => `${machine.id} ${state}`),
    );
    const left = states.filter((state) => /^(tunnel|ssl|leg|tcp|record-session) /.test(state));
    if (left.length > 0) faults.push(`${gateway} still has ${left.join(', ')}`);
    const bytes = JSON.stringify(lab.devices[gateway].save()).length;
    if (bytes > SAVED_MOST_BYTES) faults.push(`${gateway} keeps ${bytes} bytes of state`);
  }
  return faults;
}

/** Somebody on the path who sends what he saw again, damaged or not, with good checksums. */
class Stranger {
  readonly #lab: Lab;
  readonly #random: SeededRandom;
  readonly #seen: Sighting[] = [];

  constructor(lab: Lab, random: SeededRandom) {
    this.#lab = lab;
    this.#random = random;
    for (const place of ['W2', 'W5'] as const) {
      lab.tap(place, (seen) => {
        if (!isTunnel(seen.bytes)) return;
        this.#seen.push(seen);
        if (this.#seen.length > REMEMBERED_FRAMES) this.#seen.shift();
      });
    }
  }

  strike(): void {
    for (let count = STRIKE_FRAMES; count > 0 && this.#seen.length > 0; count--) {
      const { place, way, bytes } = this.#seen[this.#random.below(this.#seen.length)];
      const into = place === 'W2' ? 'ab' : 'ba';
      if (way !== into) continue;
      const [device, port] = place === 'W2' ? (['gateway20', '2013'] as const) : (['gateway30', '3013'] as const);
      this.#lab.devices[device].input({ kind: 'frame', port, bytes: this.#mutated(bytes), checksum: 'good' });
    }
  }

  #mutated(bytes: Uint8Array): Uint8Array {
    const what = this.#random.below(4);
    if (what === 0) return bytes;
    if (what === 1) return bytes.subarray(0, this.#random.below(bytes.length));
    const copy = bytes.slice();
    // Addresses stay: a frame for somebody else would only be forwarded.
    for (let flips = 1 + this.#random.below(4); flips > 0; flips--) {
      copy[HEADERS_BYTES + this.#random.below(bytes.length - HEADERS_BYTES)] ^= 1 << this.#random.below(8);
    }
    return copy;
  }
}
