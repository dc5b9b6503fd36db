import { pingMachine } from '../../machines/ping.ts';
import { IcmpType } from '../../wire/icmp.ts';
import { buildIcmp6, Icmp6Type } from '../../wire/icmp6.ts';
import { type IpAddress, isIp6 } from '../../wire/ip-address.ts';
import type { Frame } from '../frame.ts';
import type { LayerHost } from '../host.ts';
import { buildIcmpPacket } from '../icmp-error.ts';
import { Layer, type MachineView, type SavedLayer } from '../layer.ts';
import type { MachineHost } from '../machine-host.ts';
import { OwnAddresses } from '../own-addresses.ts';
import type { Port } from '../port.ts';
import type { JournalData } from '../tap.ts';
import { echoMessage } from './message.ts';

/** A reply is waited for this long. */
export const PING_TIMEOUT_US = 5_000_000;
/** Requests that wait at the same time. */
export const PINGS_MAX = 1024;
/** Bytes of echo data where none are asked for, as usual with ping. */
const DEFAULT_LENGTH = 56;
const LENGTH_MAX = 65_000;

interface Ping {
  readonly destination: IpAddress;
  readonly id: number;
  readonly seq: number;
  readonly sent_us: number;
  readonly machine: MachineHost<typeof pingMachine, null>;
}

type PingRequest = {
  readonly destination: IpAddress;
  readonly id: number;
  readonly seq: number;
  readonly length?: number;
};

export interface PingOptions {
  /** Own addresses; echo requests to others are not answered. */
  readonly addresses: readonly IpAddress[];
}

/**
 * Sends ICMP and ICMPv6 echo requests through port `ip` and tells what became of them.
 *
 * Outside event `ping` with `{ destination, id, seq, length? }` (IPv4 address as a number, IPv6 as text, length in bytes). Notes: `pong`
 * `{ destination, id, seq, rtt_us }`, or `ping-lost` with the same and no time, when nothing came or an ICMP error did.
 */
export class PingLayer extends Layer {
  readonly kind = 'ping';
  readonly #ip: Port<Frame, Frame> = this.addPort('ip', (packet: Frame) => this.#received(packet));
  readonly #own: OwnAddresses;
  readonly #pings = new Map<string, Ping>();

  constructor(host: LayerHost, label: string, options: PingOptions) {
    super(host, label);
    this.#own = new OwnAddresses(options.addresses);
  }

  override stop(): void {
    for (const key of [...this.#pings.keys()]) this.#end(key, 'TIMEOUT');
  }

  override timerFired(name: string): void {
    this.#end(name, 'TIMEOUT');
  }

  override outsideEvent(name: string, data: JournalData): boolean {
    if (name !== 'ping') return false;
    this.#send(data as PingRequest);
    return true;
  }

  override machines(): readonly MachineView[] {
    return [...this.#pings].map(([instance, { machine }]) => ({
      instance,
      machine: pingMachine,
      state: machine.state,
    }));
  }

  save(): SavedLayer {
    const pings = [...this.#pings.values()].map(({ machine, ...facts }) => ({ ...facts, machine: machine.save() }));
    return { version: 1, pings };
  }

  restore(saved: SavedLayer): void {
    this.#pings.clear();
    for (const { machine, ...facts } of saved.pings as unknown as (PingRequest & {
      sent_us: number;
      machine: never;
    })[]) {
      this.#add(facts, facts.sent_us).machine.restore(machine);
    }
  }

  #send({ destination, id, seq, length = DEFAULT_LENGTH }: PingRequest): void {
    if (this.#pings.size >= PINGS_MAX || this.#pings.has(keyOf(destination, id, seq))) return this.drop('queue-full');
    const data = new Uint8Array(Math.min(length, LENGTH_MAX)).map((_, index) => index);
    const source = this.#own.sourceFor(destination);
    if (source === undefined) return this.drop('no-route');
    const frame = this.host.frame(echoRequest(source, destination, id, seq, data));
    this.#add({ destination, id, seq }, this.host.now_us());
    this.setTimer(keyOf(destination, id, seq), PING_TIMEOUT_US);
    if (!this.#ip.send(frame)) this.drop('not-joined', frame);
  }

  #received(packet: Frame): void {
    const { bytes } = packet;
    const message = echoMessage(bytes);
    if (message.kind === 'malformed') return this.drop('malformed', packet, message.reason);
    if (packet.checksum === 'bad') return this.drop('bad-checksum', packet);
    if (message.kind === 'other') return this.drop('unknown-kind', packet);
    const { peer, identifier, sequence } = message;
    this.#end(keyOf(peer, identifier, sequence), message.kind === 'reply' ? 'REPLY' : 'TIMEOUT', packet);
  }

  #add({ destination, id, seq }: PingRequest, sent_us: number): Ping {
    const facts = { destination, id, seq };
    const tell = (type: string) =>
      type === 'tellPong'
        ? this.note('pong', { ...facts, rtt_us: this.host.now_us() - sent_us })
        : this.note('ping-lost', facts);
    const instance = keyOf(destination, id, seq);
    const machine = this.machineHost({
      machine: pingMachine,
      instance,
      decide: () => null,
      execute: ({ type }) => tell(type),
    });
    const ping = { ...facts, sent_us, machine };
    this.#pings.set(instance, ping);
    return ping;
  }

  #end(key: string, type: 'REPLY' | 'TIMEOUT', packet?: Frame): void {
    const ping = this.#pings.get(key);
    if (ping === undefined) return packet && this.drop('unexpected-unit', packet);
    this.#pings.delete(key);
    this.clearTimer(key);
    this.count(type === 'REPLY' ? 'answered' : 'lost');
    ping.machine.send({ type });
  }
}

function echoRequest(source: IpAddress, destination: IpAddress, id: number, seq: number, data: Uint8Array): Uint8Array {
  if (isIp6(source) && isIp6(destination)) {
    const fields = { type: Icmp6Type.ECHO_REQUEST, code: 0, word: id * 0x1_0000 + seq };
    return buildIcmp6({ source, destination }, fields, data);
  }
  const ends = { source: source as number, destination: destination as number };
  return buildIcmpPacket(ends, { type: IcmpType.ECHO_REQUEST, code: 0, identifier: id, sequence: seq }, data);
}

function keyOf(destination: IpAddress, id: number, seq: number): string {
  return `${destination}-${id}-${seq}`;
}
