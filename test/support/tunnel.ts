import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import {
  type GatewaySettings,
  prepareGateways,
  type RunningGateway,
  ready,
  startGateway,
} from '../../src/transport/demo/gateways.ts';
import { ask } from '../../src/transport/runtime/control-client.ts';

const MAIN = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));
const GATEWAY = fileURLToPath(new URL('../netlab/gateway.ts', import.meta.url));
const UP_LIMIT_MS = 30_000;
const POLL_MS = 30;

/** How the two gateways of a scenario are set up. */
export interface TunnelSettings extends GatewaySettings {
  /** Files go here. */
  folder: string;
  /** Of both journals; default `inputs`. */
  level?: string;
  /** Each gateway writes its secrets beside its configuration. */
  secrets?: boolean;
}

/** Gateway 20 and gateway 30 as processes of their own, inside a sandbox that has the two-LAN network. */
export class Tunnel {
  readonly gateway20: RunningGateway;
  readonly gateway30: RunningGateway;

  private constructor(gateway20: RunningGateway, gateway30: RunningGateway) {
    this.gateway20 = gateway20;
    this.gateway30 = gateway30;
  }

  /** Starts both and waits until the tunnel carries frames. */
  static async open(settings: TunnelSettings): Promise<Tunnel> {
    const { folder, level = 'inputs', secrets = false } = settings;
    await prepareGateways(folder, settings);
    const node = [process.execPath, '--disable-warning=ExperimentalWarning'];
    const command = secrets ? [...node, GATEWAY] : [...node, MAIN];
    const args = secrets ? [] : ['--level', level];
    const gateway20 = startGateway(folder, 20, command, args);
    await ready(gateway20);
    const gateway30 = startGateway(folder, 30, command, args);
    await ready(gateway30);
    const tunnel = new Tunnel(gateway20, gateway30);
    await tunnel.reaches('up');
    return tunnel;
  }

  /** Waits until both ends show this state. */
  async reaches(...states: string[]): Promise<void> {
    let seen: string[] = [];
    for (const until = performance.now() + UP_LIMIT_MS; performance.now() < until; await sleep(POLL_MS)) {
      seen = await this.states();
      if (seen.every((state) => states.includes(state))) return;
    }
    throw new Error(
      `the tunnel is ${seen.join(' and ')}, not ${states.join(' or ')}:\n${this.gateway20.logTail()}\n${this.gateway30.logTail()}`,
    );
  }

  async states(): Promise<string[]> {
    const statuses = await Promise.all([this.gateway20.status(), this.gateway30.status()]);
    return statuses.map(({ peers }) => peers[0].state);
  }

  /** The operator of gateway 30 ends the session. */
  async disconnect(): Promise<void> {
    await ask(this.gateway30.files.socket, { command: 'disconnect', peer: 'gateway20' });
  }

  /** Drops of both gateways, `2005 not-our-address: 3`. */
  async drops(): Promise<string[]> {
    const statuses = await Promise.all([this.gateway20.status(), this.gateway30.status()]);
    return statuses.flatMap(({ drops }) => drops.map(({ layer, reason, count }) => `${layer} ${reason}: ${count}`));
  }

  async internalErrors(): Promise<number> {
    const statuses = await Promise.all([this.gateway20.status(), this.gateway30.status()]);
    return statuses.reduce((sum, { internalErrors }) => sum + internalErrors, 0);
  }

  /** Ends both in order; their exit codes. */
  stop(): Promise<number[]> {
    return Promise.all([this.gateway30.stop(), this.gateway20.stop()]);
  }
}
