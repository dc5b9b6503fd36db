import { httpProxyMachine, proxyTunnelMachine } from '../../machines/http-proxy.ts';
import { type Cidr, type Ip4, inNetwork } from '../../wire/address.ts';
import { buildConnectResponse } from '../../wire/http-connect.ts';
import type { LayerHost } from '../host.ts';
import { Layer, type MachineView, type SavedLayer } from '../layer.ts';
import type { Port } from '../port.ts';
import type { ConnectionName, TcpIndication, TcpRequest } from '../services.ts';
import { ProxyTunnel, type SavedTunnel, type Target } from './tunnel.ts';

/** Clients at the same time; more hear that the service is not available. */
export const TUNNELS_MAX = 256;

export interface HttpProxyOptions {
  /** Where clients connect. */
  readonly address: Ip4;
  readonly port: number;
  /** Own address towards servers. */
  readonly outgoing: Ip4;
  /** What may be asked for; `port` left out: any. */
  readonly allowed: readonly { readonly destination: Cidr; readonly port?: number }[];
}

/**
 * An HTTP proxy that knows CONNECT alone (RFC 9110 section 9.3.6), in the place of firewall 33 ([0645], [0789], [0909]). Port `tcp` to its
 * TCP. Clients come on the inner side; servers are asked for by IPv4 address.
 */
export class HttpProxyLayer extends Layer {
  readonly kind = 'http-proxy';
  readonly #tcp: Port<TcpIndication, TcpRequest> = this.addPort('tcp', (indication: TcpIndication) =>
    this.#indicated(indication),
  );
  readonly #options: HttpProxyOptions;
  /** By both names. */
  readonly #tunnels = new Map<ConnectionName, ProxyTunnel>();
  readonly #machine = this.machineHost({
    machine: httpProxyMachine,
    decide: (snapshot) => Object.freeze({ running: snapshot.value === 'RUNNING' }),
    execute: () => {},
  });

  constructor(host: LayerHost, label: string, options: HttpProxyOptions) {
    super(host, label);
    this.#options = options;
  }

  override start(): void {
    this.#machine.send({ type: 'START' });
    const { address, port } = this.#options;
    this.#tcp.send({ kind: 'listen', port, only: { address } });
  }

  override stop(): void {
    this.#machine.send({ type: 'STOP' });
    this.#tcp.send({ kind: 'unlisten', port: this.#options.port });
    for (const { client, server } of this.#all()) {
      this.clearTimer(client);
      for (const connection of [client, server]) this.#tcp.send({ kind: 'abort', connection });
    }
    this.#tunnels.clear();
  }

  override timerFired(client: string): void {
    this.#tunnels.get(client)?.timerFired();
  }

  override machines(): readonly MachineView[] {
    const own = { instance: '', machine: httpProxyMachine, state: this.#machine.state };
    return [
      own,
      ...this.#all().map(({ client, machine }) => ({
        instance: client,
        machine: proxyTunnelMachine,
        state: machine.state,
      })),
    ];
  }

  save(): SavedLayer {
    return { version: 1, machine: this.#machine.save(), tunnels: this.#all().map((each) => each.save()) as never };
  }

  restore(saved: SavedLayer): void {
    this.#machine.restore(saved.machine as never);
    this.#tunnels.clear();
    for (const each of saved.tunnels as unknown as readonly SavedTunnel[]) this.#add(each.client).restore(each);
  }

  #all(): ProxyTunnel[] {
    return [...new Set(this.#tunnels.values())];
  }

  #indicated(indication: TcpIndication): void {
    const { connection } = indication;
    if (indication.kind === 'accepted') this.#accepted(connection);
    else this.#tunnels.get(connection)?.indicated(indication);
  }

  #accepted(connection: ConnectionName): void {
    // Each tunnel has two names.
    if (this.#machine.decision.running && this.#tunnels.size < 2 * TUNNELS_MAX) return this.#add(connection).start();
    this.drop('too-many-connections', undefined, connection);
    this.#tcp.send({ kind: 'write', connection, bytes: buildConnectResponse(503) });
    this.#tcp.send({ kind: 'close', connection });
  }

  #add(client: ConnectionName): ProxyTunnel {
    const tunnel: ProxyTunnel = new ProxyTunnel(
      {
        observer: this.host.observer(this.label),
        toTcp: (request) => void this.#tcp.send(request),
        connect: (connection, target) => this.#connect(connection, target),
        allows: (target) => this.#allows(target),
        setTimer: (delay_us) => this.setTimer(client, delay_us),
        clearTimer: () => this.clearTimer(client),
        count: (name) => this.count(name),
        forget: () => this.#forget(tunnel),
      },
      client,
    );
    this.#tunnels.set(client, tunnel);
    this.#tunnels.set(tunnel.server, tunnel);
    return tunnel;
  }

  #forget({ client, server }: ProxyTunnel): void {
    this.#tunnels.delete(client);
    this.#tunnels.delete(server);
  }

  #connect(connection: ConnectionName, { address: destination, port: destinationPort }: Target): void {
    const { outgoing: source } = this.#options;
    this.#tcp.send({ kind: 'connect', connection, destination, destinationPort, source });
  }

  #allows({ address, port }: Target): boolean {
    return this.#options.allowed.some(
      (rule) => inNetwork(address, rule.destination) && (rule.port === undefined || rule.port === port),
    );
  }
}
