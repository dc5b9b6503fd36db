import { encapsulationMachine, serverSideMachine } from '../../machines/encapsulation.ts';
import { type Ip4, isMulticast } from '../../wire/address.ts';
import { type FrameView, parseFrame } from '../../wire/frame.ts';
import { type InnerEnds, innerVersion } from '../../wire/inner-frame.ts';
import { InnerRefusal } from '../../wire/inner-leg.ts';
import { isIp6 } from '../../wire/ip-address.ts';
import type { Frame } from '../frame.ts';
import type { LayerHost } from '../host.ts';
import { InnerLeg, type InnerLegHost, type SavedInnerLeg } from '../inner-leg/leg.ts';
import type { InnerSession } from '../inner-leg/session.ts';
import type { InnerStart } from '../inner-leg/session-host.ts';
import { Layer, type MachineView, type SavedLayer } from '../layer.ts';
import type { Port } from '../port.ts';
import type {
  IdentityIndication,
  IdentityRequest,
  NeighbourAnswer,
  NeighbourQuestion,
  TcpIndication,
  TcpRequest,
} from '../services.ts';
import type { JournalData } from '../tap.ts';
import { ArpProxy, isArpQuestion } from './arp-proxy.ts';
import { type SavedServerSide, ServerSide, type ServerSideHost, type SpeaksAs } from './server-side.ts';

/** How encapsulation processing speaks to servers. */
export interface EncapsulationOptions {
  readonly speaksAs: SpeaksAs;
  /** As gateway: port of TCP 3003B, a free one or the terminal's while that is free ([0829]); default `free`. As terminal it is always the terminal's. */
  readonly sourcePorts?: 'free' | 'terminal';
  /** Addresses that no terminal reaches: the gateway's own, and those that its tunnels go to. */
  readonly closed: readonly Ip4[];
  /** Largest IP packet of the inner leg, in bytes. */
  readonly mtu: number;
}

/**
 * Encapsulation processing 3001B (spec 6.3, 7.3): ends the inner leg of terminals' drivers in the gateway. CONN-REQ makes TCP 3003B connect
 * to the server, its answer becomes CONN-DONE or REFUSED, F24 goes to and fro under the leg's credit. Port `application` to gateway
 * application 3001A (frames), `tcp` to TCP 3003B, `neighbours` to IP stack 3005, `identities` to IP stack 3005B (embodiment 7).
 * ARP questions are answered for hosts of intranet 3; nothing else of a terminal's Ethernet has a way on from here.
 */
export class EncapsulationLayer extends Layer {
  readonly kind = 'encapsulation';
  readonly #application: Port<Frame, Frame> = this.addPort('application', (frame: Frame) => this.#fromTunnel(frame));
  readonly #tcp: Port<TcpIndication, TcpRequest> = this.addPort('tcp', (indication: TcpIndication) =>
    this.#sides.get(indication.connection)?.indicated(indication),
  );
  readonly #identities: Port<IdentityIndication, IdentityRequest> = this.addPort(
    'identities',
    ({ kind, name }: IdentityIndication) => this.#sides.get(name)?.identity(kind === 'taken'),
  );
  readonly #neighbours: Port<NeighbourAnswer, NeighbourQuestion> = this.addPort(
    'neighbours',
    (answer: NeighbourAnswer) => {
      if (answer.kind !== 'next-hop') this.#arp.answered(answer);
    },
  );
  readonly #options: EncapsulationOptions;
  readonly #leg: InnerLeg;
  readonly #arp: ArpProxy;
  readonly #sideHost: ServerSideHost;
  /** By name; also those whose session is over but of which an answer is still to come. */
  readonly #sides = new Map<string, ServerSide>();
  readonly #machine = this.machineHost({
    machine: encapsulationMachine,
    decide: (snapshot) => Object.freeze({ running: snapshot.value === 'RUNNING' }),
    execute: () => {},
  });

  constructor(host: LayerHost, label: string, options: EncapsulationOptions) {
    super(host, label);
    this.#options = options;
    this.#leg = new InnerLeg(this.#legHost(), { mtu: options.mtu, handshake: 'hold' });
    this.#arp = new ArpProxy({
      find: (address) => void this.#neighbours.send({ kind: 'find', address }),
      toTunnel: (frame) => this.#toTunnel(this.host.frame(frame)),
    });
    this.#sideHost = {
      observer: host.observer(label),
      speaksAs: options.speaksAs,
      toTcp: (request) => void this.#tcp.send(request),
      toIdentities: (request) => void this.#identities.send(request),
      sourcePort: (start) => this.#sourcePort(start),
      gone: ({ name }) => this.#sides.delete(name),
    };
  }

  /** Sessions of terminals now. */
  get size(): number {
    return this.#leg.sessions.size;
  }

  override start(): void {
    this.#machine.send({ type: 'START' });
  }

  override stop(): void {
    this.#machine.send({ type: 'STOP' });
    this.#leg.stop();
    this.#arp.clear();
  }

  override timerFired(name: string): void {
    this.#leg.timerFired(name);
  }

  override machines(): readonly MachineView[] {
    const own = { instance: '', machine: encapsulationMachine, state: this.#machine.state };
    const sides = [...this.#sides.values()].map(({ name, state }) => ({
      instance: name,
      machine: serverSideMachine,
      state,
    }));
    return [own, ...this.#leg.machines(), ...sides];
  }

  save(): SavedLayer {
    const withSession = new Set([...this.#leg.sessions.values()].map(({ local }) => local));
    return {
      version: 1,
      machine: this.#machine.save(),
      leg: this.#leg.save() as unknown as JournalData,
      left: [...this.#sides.values()].filter((side) => !withSession.has(side)).map((side) => side.save()),
      arp: this.#arp.save(),
    };
  }

  restore(saved: SavedLayer): void {
    this.#machine.restore(saved.machine as never);
    this.#arp.restore(saved.arp as JournalData);
    this.#sides.clear();
    this.#leg.restore(saved.leg as unknown as SavedInnerLeg);
    for (const data of saved.left as JournalData[]) {
      const { name, start } = data as unknown as SavedServerSide;
      this.#addSide(name, start, undefined).restore(data);
    }
  }

  // ---- the tunnel ----

  #fromTunnel(frame: Frame): void {
    if (!this.#machine.decision.running) return this.drop('stopped', frame);
    const parsed = parseFrame(frame.bytes);
    if (!parsed.ok) return this.drop('malformed', frame, parsed.reason);
    if (isMulticast(parsed.ethernet.source)) return this.drop('bad-source', frame);
    const { tcp, arp } = parsed;
    if (tcp !== undefined && innerVersion(frame.bytes, tcp) !== undefined) this.#leg.frame(frame, parsed);
    else if (arp !== undefined && isArpQuestion(arp)) this.#ask(frame, parsed);
    else this.drop('not-carried', frame);
  }

  #ask(frame: Frame, { arp }: FrameView): void {
    if (arp !== undefined && !this.#arp.ask(arp)) this.drop('queue-full', frame);
  }

  #toTunnel(frame: Frame): void {
    if (!this.#application.send(frame)) this.drop('not-joined', frame);
  }

  // ---- the leg ----

  #legHost(): InnerLegHost {
    const { host, label } = this;
    return {
      now_us: () => host.now_us(),
      setTimer: (name, delay_us) => this.setTimer(name, delay_us),
      clearTimer: (name) => this.clearTimer(name),
      randomBytes: (length) => host.randomBytes(label, length),
      observer: host.observer(label),
      toLine: (bytes, parent) => this.#toTunnel(host.frame(bytes, parent)),
      local: (session) => this.#addSide(nameOf(session), session.start, session),
      refusal: (ends) => this.#refusal(ends),
      drop: (reason, frame, detail) => this.drop(reason, frame, detail),
      count: (name) => this.count(name),
      ended: ({ local }) => (local as ServerSide).detach(),
    };
  }

  #addSide(name: string, start: InnerStart, session: InnerSession | undefined): ServerSide {
    const side = new ServerSide(this.#sideHost, name, start, session);
    this.#sides.set(name, side);
    return side;
  }

  #refusal({ local, remote }: InnerEnds): number | undefined {
    if (isIp6(local) || isIp6(remote)) return InnerRefusal.UNREACHABLE;
    return this.#options.closed.includes(local) ? InnerRefusal.REFUSED : undefined;
  }

  /** The terminal's own port; as gateway only where no other terminal's connection to that server has it. */
  #sourcePort({ ends }: InnerStart): number | undefined {
    const { speaksAs, sourcePorts = 'free' } = this.#options;
    if (speaksAs === 'terminal') return ends.remotePort;
    if (sourcePorts === 'free') return undefined;
    const isTaken = [...this.#sides.values()].some(
      ({ start: { ends: other } }) =>
        other !== ends &&
        other.remotePort === ends.remotePort &&
        other.local === ends.local &&
        other.localPort === ends.localPort,
    );
    return isTaken ? undefined : ends.remotePort;
  }
}

/** Of a session's connection: its token is nobody else's, not even that of an earlier session of the same ends. */
function nameOf({ ownToken }: InnerSession): string {
  return `session-${ownToken.toString(16)}`;
}
