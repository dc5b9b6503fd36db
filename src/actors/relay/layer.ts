import { type HubOptions, LearningHub, type SavedHub } from '../bridge/hub.ts';
import type { Frame } from '../frame.ts';
import { type RecordApplicationConfig, RecordApplicationLayer } from '../gateway/record-application.ts';
import type { TunnelSession } from '../gateway/session.ts';
import type { LayerHost } from '../host.ts';
import type { MachineView, SavedLayer } from '../layer.ts';

/** Sessions of a relay that are alive or lingering, unless its config says otherwise. */
export const RELAY_SESSIONS = 2_048;
/** Stations that a relay remembers, of all its sites. */
export const RELAY_STATIONS = 65_536;
/** Of these behind one site. */
export const RELAY_STATIONS_PER_SITE = 1_024;

/** Frames to stations that nobody has heard, which one site may bring in per second: each of them is sealed for every other site. */
export const RELAY_UNKNOWN_FRAMES_PER_SECOND = 1_000;

/** Whom a relay takes in, and the bounds of what it learns and floods. */
export interface RelayApplicationConfig extends RecordApplicationConfig, Omit<HubOptions, 'stations'> {}

/** Timers of the hub, beside those of the sessions. */
const QUIET = 'quiet:';

/**
 * Relay application 1001, the virtual hub (spec 01): a learning hub whose ports are its peers, each behind the session that carries its
 * frames. A port is there while such a session is; with the last one all that was learned behind it goes. Two sessions of one peer (one
 * is taking over from the other) are one port, or each broadcast would come twice. `settings` stays unjoined where there is no driver.
 */
export class RelayApplicationLayer extends RecordApplicationLayer {
  readonly kind = 'relay-application';
  readonly #hub: LearningHub;

  constructor(host: LayerHost, label: string, config: RelayApplicationConfig) {
    super(host, label, { sessions: RELAY_SESSIONS, ...config });
    this.#hub = new LearningHub(
      {
        now_us: () => host.now_us(),
        observer: host.observer(label),
        armQuiet: (peer, delay_us) => this.setTimer(QUIET + peer, delay_us),
        disarmQuiet: (peer) => this.clearTimer(QUIET + peer),
        drop: (reason, frame, detail) => this.drop(reason, frame, detail),
        count: (name) => this.count(name),
        note: (name, data) => this.note(name, data),
      },
      {
        stationsMax: RELAY_STATIONS,
        stationsPerPort: RELAY_STATIONS_PER_SITE,
        unknownFramesPerSecond: RELAY_UNKNOWN_FRAMES_PER_SECOND,
        ...config,
      },
    );
  }

  /** Stations learned now. */
  get stationCount(): number {
    return this.#hub.stationCount;
  }

  override timerFired(name: string): void {
    if (name.startsWith(QUIET)) this.#hub.quietOver(name.slice(QUIET.length));
    else super.timerFired(name);
  }

  override machines(): readonly MachineView[] {
    return [...super.machines(), ...this.#hub.machines];
  }

  override save(): SavedLayer {
    return { ...super.save(), hub: this.#hub.save() as never };
  }

  override restore(saved: SavedLayer): void {
    super.restore(saved);
    const hub = saved.hub as unknown as SavedHub;
    this.#hub.clear();
    for (const { name } of hub.ports) this.#addPort(name);
    this.#hub.restore(hub);
  }

  protected override activated(peer: string, session: TunnelSession | undefined): void {
    if (session === undefined) this.#hub.remove(peer);
    else if (!this.#hub.has(peer)) this.#addPort(peer);
  }

  protected fromTunnel({ facts }: TunnelSession, frame: Frame): void {
    this.#hub.received(frame, facts.peer as string);
  }

  #addPort(peer: string): void {
    this.#hub.add({ name: peer, outside: true, send: (frame) => this.#send(peer, frame) });
  }

  #send(peer: string, frame: Frame): boolean {
    const session = this.activeSession(peer);
    if (session === undefined) return false;
    this.intoTunnel(session, frame);
    return true;
  }
}
