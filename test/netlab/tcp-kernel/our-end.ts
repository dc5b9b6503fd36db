/**
 * Our TCP as one end of a test: a device with an address of its own on an interface. Usage: our-end.ts INTERFACE ADDRESS/PREFIX MAC
 * ADDRESS6/PREFIX.
 * Orders come as JSON lines, events go out as such; `{"order":"configure"}` puts a new device in the place of the old one.
 */
import { createInterface } from 'node:readline';
import { Device } from '../../../src/actors/device.ts';
import { addresses6 } from '../../../src/actors/ip-stack/interface6.ts';
import { Port } from '../../../src/actors/port.ts';
import { TcpLayer, type TcpLayerOptions } from '../../../src/actors/tcp/layer.ts';
import { World } from '../../../src/actors/world.ts';
import { ipHost } from '../../../src/topologies/parts/ip-host.ts';
import { openPacket } from '../../../src/transport/os/index.ts';
import { FrameEdge } from '../../../src/transport/runtime/frame-edge.ts';
import { RealClock } from '../../../src/transport/runtime/real-clock.ts';
import { realVault } from '../../../src/transport/runtime/real-world.ts';
import { secureRandom } from '../../../src/transport/runtime/secure-random.ts';
import { parseCidr, parseMac } from '../../../src/wire/address.ts';
import { parseCidr6 } from '../../../src/wire/ip-address.ts';
import type { Order, Told } from './orders.ts';
import { RemoteApplication } from './remote-application.ts';

interface Configuration {
  readonly mtu?: number;
  readonly tcp?: Partial<Omit<TcpLayerOptions, 'address' | 'mtu'>>;
}

interface Running {
  readonly device: Device;
  readonly application: RemoteApplication;
  readonly tcp: TcpLayer;
}

const [interfaceName, cidrText, macText, cidr6Text] = process.argv.slice(2) as [string, string, string, string];
const cidr6 = parseCidr6(cidr6Text);
const [address, prefix] = cidrText.split('/') as [string, string];
const own = {
  address: parseCidr(`${address}/32`)?.address ?? 0,
  prefixLength: Number(prefix),
  mac: parseMac(macText) ?? 0,
  ...(cidr6 && { ip6: { addresses: [cidr6], duplicateProbes: 0 } }),
};
const clock = new RealClock();
const vault = realVault();
const port = openPacket({ interface: interfaceName, promiscuous: true });
let running: Running | undefined;
running = configure({});

function tell(event: Told['event'], fields: Record<string, unknown> = {}): void {
  process.stdout.write(`${JSON.stringify({ event, ...fields })}\n`);
}

function guard(work: () => void): void {
  try {
    work();
  } catch (error) {
    tell('broken', { text: (error as Error).stack ?? String(error) });
  }
}

function configure({ mtu = 1500, tcp: tcpOptions }: Configuration): Running {
  running?.device.destroy();
  const scheduler = {
    now_us: () => clock.now_us(),
    at: (time_us: number, call: () => void) => clock.at(time_us, () => guard(call)),
  };
  const world = new World({ scheduler, random: secureRandom, vaultOf: () => vault });
  let parts: Omit<Running, 'device'> | undefined;
  const device = new Device(world, 'ours', (host) => {
    const later = (order: Order): void => void setImmediate(() => obey(order));
    const application = new RemoteApplication(host, '2101', tell, later);
    const tcp = new TcpLayer(host, '2102', {
      ...tcpOptions,
      address: own.address,
      otherAddresses: addresses6(own),
      mtu,
    });
    const below = ipHost(host, '21', { interface: own, mtu });
    Port.join(application.ports.tcp, tcp.ports.upper);
    Port.join(tcp.ports.lower, below.tcp);
    parts = { application, tcp };
    return [application, tcp, ...below.layers];
  });
  new FrameEdge(device, { [device.boundaryNames[0] ?? '']: port }, guard);
  guard(() => device.start());
  if (parts === undefined) throw new Error('the device was not built');
  return { device, ...parts };
}

function obey(order: Order | ({ order: 'configure' } & Configuration)): void {
  if (order.order === 'configure') {
    running = configure(order);
    tell('ready');
    return;
  }
  const { device } = running as Running;
  if (order.order === 'stats') tell('stats', stats(running as Running));
  else guard(() => device.input({ kind: 'event', layer: '2101', name: 'order', data: order as never }));
}

function stats({ application, tcp, device }: Running): Record<string, unknown> {
  const connections = application.received.map(({ id, bytesIn }) => {
    const connection = tcp.connection(id);
    return { id, bytesIn, state: connection?.state, path: connection?.path, stats: connection?.stats };
  });
  const drops = Object.fromEntries(
    device.layers.flatMap(({ label, drops }) => [...drops].map(([why, n]) => [`${label} ${why}`, n])),
  );
  return { connections, drops, machines: tcp.machines().length, port: port.counters, cpu_us: process.cpuUsage() };
}

createInterface({ input: process.stdin }).on('line', (line) => obey(JSON.parse(line) as Order));
process.stdin.on('end', () => process.exit(0));
tell('ready');
