import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { glassgate, writeKeys } from '../../test/support/up-process.ts';
import { ROLES, roleJsonSchema } from '../config/schema.ts';
import type { GatewayEvent, GatewayStatus } from '../transport/runtime/control-protocol.ts';
import { type Controlled, ControlServer } from '../transport/runtime/control-server.ts';

/** Everything here starts `glassgate` as a process of its own, as an operator would. */

let folder: string;
let socket: string;
let server: ControlServer | undefined;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'gg-cli-'));
  socket = join(folder, 's.sock');
  await writeKeys(join(folder, 'keys'), ['gateway20', 'gateway30']);
});
afterEach(async () => {
  await server?.close();
  server = undefined;
});
afterAll(() => rmSync(folder, { recursive: true }));

async function run(...args: string[]): Promise<{ code: number | null; out: string; err: string }> {
  const [program, ...rest] = glassgate(...args);
  const env = { ...process.env, XDG_RUNTIME_DIR: join(folder, 'run') };
  const child = spawn(program!, rest, { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'] });
  const printed = { out: '', err: '' };
  child.stdout.setEncoding('utf8').on('data', (text) => {
    printed.out += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text) => {
    printed.err += text;
  });
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  return { code, ...printed };
}

/** A configuration with some lines replaced. */
function config(name: string, change: Record<string, string> = {}): string {
  let text = `name: gateway20
interface: { name: glassgate-no }
address: 10.1.0.20/24
tls:
  ca: keys/ca.pem
  certificate: keys/gateway20.pem
  key: keys/gateway20.key
listen: { port: 4433 }
peers: [{ name: gateway30 }]
control: { socket: g.sock }
journal: { file: g.journal }
`;
  for (const [from, to] of Object.entries(change)) {
    expect(text).toContain(from);
    text = text.replace(from, to);
  }
  writeFileSync(join(folder, name), text);
  return name;
}

const NO_INTERFACE =
  'interface: cannot look up interface glassgate-no: ENODEV; no such interface here; `ip link` lists those there are';

describe('glassgate check', () => {
  it('says what a good configuration will do', async () => {
    const { code, out, err } = await run('check', '--no-interface', config('good.yaml'));
    expect({ code, out, err }).toEqual({
      code: 0,
      out: 'good.yaml is good: gateway gateway20, embodiment engine, 10.1.0.20/24 on glassgate-no; listens on port 4433, is connected to by gateway30\n',
      err: '',
    });
  });

  it('says which peers are dialled always, on demand, or not at all', async () => {
    const peers = `peers:
  - { name: gateway30, address: 10.1.0.30, port: 4433, connect: true }
  - { name: gateway40, address: 10.1.0.40, port: 4433, demand: {} }
  - { name: gateway50 }`;
    const file = config('peers.yaml', { 'peers: [{ name: gateway30 }]': peers });
    const { out, err } = await run('check', '--no-interface', file);
    expect(out + err).toContain(
      'connects to gateway30, connects to gateway40 on demand, is connected to by gateway50\n',
    );
  });

  it('tells every mistake in one line each', async () => {
    const { code, out, err } = await run(
      'check',
      config('bad.yaml', {
        'peers: [{ name: gateway30 }]': 'peers: [{ name: gateway30, adress: 10.1.0.30 }]',
        'port: 4433': 'port: 99999',
      }),
    );
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toBe(
      `glassgate: bad.yaml:8:17: listen.port: must be at most 65535, not 99999\nglassgate: bad.yaml:9:28: peers[0].adress: unknown key, did you mean 'address'?\n`,
    );
  });

  it('looks at the interface unless told not to', async () => {
    expect(await run('check', config('g.yaml'))).toEqual({
      code: 2,
      out: '',
      err: `glassgate: g.yaml: ${NO_INTERFACE}\n`,
    });
  });

  it('needs a file, and the file to be there', async () => {
    expect(await run('check')).toMatchObject({
      code: 2,
      err: 'glassgate: say which configuration to check: glassgate check CONFIG\n',
    });
    expect((await run('check', 'none.yaml')).err).toMatch(/^glassgate: configuration: there is no file none.yaml; /);
  });

  it.each([
    [
      { 'g.journal': 'none/g.journal' },
      /^2 glassgate: journal.file: there is no folder \S+\/none; make it: `mkdir -p \S+`$/,
    ],
    [{ 'g.sock': 'none/g.sock' }, /^2 glassgate: control.socket: there is no folder \S+\/none; make it/],
    [{ 'g.sock': `${'x'.repeat(120)}.sock` }, /^2 glassgate: control socket \S+: the path is longer than 107 bytes/],
    [
      { 'name: gateway20': 'user: nobody-there\nname: gateway20' },
      /^2 glassgate: g.yaml: user: there is no user nobody-there/,
    ],
    [
      { 'name: gateway20': 'group: none-there\nname: gateway20' },
      /^2 glassgate: g.yaml: group: there is no group none-there/,
    ],
  ])('refuses what up would refuse: %j', async (change, message) => {
    const before = readdirSync(folder);
    const { code, err } = await run('check', config('g.yaml', { 'glassgate-no': 'lo', ...change }));
    expect(`${code} ${err.trim()}`).toMatch(message);
    expect(readdirSync(folder).filter((name) => name !== 'g.yaml')).toEqual(before.filter((name) => name !== 'g.yaml'));
  });

  it('--schema prints a JSON Schema', async () => {
    const { code, out } = await run('check', '--schema');
    expect(code).toBe(0);
    const [gateway] = JSON.parse(out).anyOf;
    expect(Object.keys(gateway.properties)).toEqual(expect.arrayContaining(['name', 'interface', 'peers', 'tls']));
  });
});

describe('glassgate up refuses to start, changes nothing, and says why', () => {
  const refused = async (file: string): Promise<string> => {
    const before = readdirSync(folder);
    const { code, out, err } = await run('up', file);
    expect(out).toBe('');
    expect(readdirSync(folder)).toEqual(before);
    expect(err.trim().split('\n')).toHaveLength(1);
    return `${code} ${err.trim()}`;
  };

  it('a missing interface', async () => {
    expect(await refused(config('g.yaml'))).toBe(`2 glassgate: g.yaml: ${NO_INTERFACE}`);
  });

  it('missing keys', async () => {
    const file = config('g.yaml', { 'keys/gateway20.pem': 'keys/lost.pem' });
    expect(await refused(file)).toBe(
      `2 glassgate: g.yaml: tls.certificate: there is no file ${folder}/keys/lost.pem; make one with \`glassgate keys issue gateway20\` where the CA is`,
    );
  });

  it("another gateway's key", async () => {
    const file = config('g.yaml', { 'keys/gateway20.key': 'keys/gateway30.key' });
    expect(await refused(file)).toMatch(
      /^2 glassgate: g.yaml: tls.key: \S+keys\/gateway30.key is not the key of the certificate \S+; both come from one `glassgate keys issue`$/,
    );
  });

  it('a wrong key in the configuration', async () => {
    expect(await refused(config('g.yaml', { 'listen:': 'lisen:' }))).toBe(
      "2 glassgate: g.yaml:8:1: lisen: unknown key, did you mean 'listen'?",
    );
  });

  it.skipIf(process.getuid?.() === 0)('without the right to open a packet socket (skipped for root)', async () => {
    expect(await refused(config('g.yaml', { 'glassgate-no': 'lo', '10.1.0.20/24': '10.1.0.20/24' }))).toMatch(
      /^3 glassgate: g.yaml: interface: cannot open a packet socket on lo: EPERM; needs the capability CAP_NET_RAW/,
    );
  });
});

describe('wrong arguments', () => {
  it.each([
    [['up'], "missing required argument 'config'"],
    [['up', '--level', 'all', 'x.yaml'], 'Allowed choices are off, control, inputs, frames, full'],
    [['upp'], '(Did you mean up?)'],
    [['export', 'x.journal'], 'glassgate: say what to write: --pcapng or --jsonl'],
    [['export', 'x.journal', '--jsonl', '-', '--from', 'x'], 'glassgate: --from takes the number of a record, not "x"'],
    [['replay'], "glassgate: missing required argument 'file'"],
    [['keys', 'issue', 'g', '--days', '0'], 'a whole number of days, 1 to 36500'],
    [['keys', 'show', 'none.pem'], 'glassgate: none.pem cannot be read'],
    [['completion', 'tcsh'], 'Allowed choices are bash, zsh, fish'],
  ])('%j: exit code 2', async (args, message) => {
    const { code, err } = await run(...args);
    expect(code).toBe(2);
    expect(err).toContain(message);
  });
});

const STATUS: GatewayStatus = {
  name: 'gateway20',
  version: '0.1.0',
  role: 'gateway',
  embodiment: 'engine',
  pid: 4711,
  started: '2031-05-01T00:00:00.000Z',
  uptime_s: 93_784,
  tls: 'openssl',
  interface: {
    name: 'eth0',
    kind: 'packet',
    mac: '02:00:00:00:00:20',
    mtu: 1500,
    framesReceived: 1200,
    framesSent: 900,
    bytesReceived: 1_500_000,
    bytesSent: 999,
    framesLost: 2,
  },
  tap: null,
  address: '10.1.0.20/24',
  connections: null,
  listen: { port: 4433, f13: 'tcp', handshake: 'hold' },
  peers: [
    {
      name: 'gateway30',
      state: 'up',
      since_s: 65,
      session: {
        state: 'UP',
        role: 'server',
        remote: '10.1.0.30:50000',
        f13: 'tcp',
        handshake: 'hold',
        suite: 'aes-256-gcm',
        order: 'fragment-then-encrypt',
        epoch: { send: 1, receive: 0 },
        renewals: 3,
        up_s: 65,
      },
    },
    { name: 'gateway40', state: 'connecting', since_s: 3, session: null },
  ],
  framesSealed: 800,
  framesOpened: 700,
  drops: [
    { layer: '2005', kind: 'ip-stack', reason: 'not-our-address', count: 3 },
    { layer: '2014', kind: 'engine', reason: 'bad-tag', count: 12 },
  ],
  journal: { file: '/var/lib/g.journal', level: 'inputs', records: 5000, lost: 0 },
  internalErrors: 0,
};

class FakeGateway implements Controlled {
  commands: string[] = [];
  listener: ((event: GatewayEvent) => void) | undefined;
  status(): GatewayStatus {
    return STATUS;
  }
  command(command: string, peer: string): void {
    if (peer !== 'gateway30') throw new Error(`no peer '${peer}' in the configuration; known are gateway30`);
    this.commands.push(command);
  }
  subscribe(listener: (event: GatewayEvent) => void): () => void {
    this.listener = listener;
    return () => {};
  }
}

describe('glassgate status', () => {
  it('prints a table with units', async () => {
    server = await ControlServer.listen(socket, new FakeGateway());
    const { code, out } = await run('status', '--socket', socket);
    expect(code).toBe(0);
    expect(out).toBe(`Gateway    gateway20, embodiment engine, up 1 d 2 h, pid 4711, glassgate 0.1.0
Interface  eth0 (packet, MAC 02:00:00:00:00:20, MTU 1500 B), 1200 frames in (1.4 MiB), 900 out (999 B), 2 lost
Address    10.1.0.20/24, listens on port 4433 (tcp, hold)
Frames     800 sealed, 700 opened
Journal    /var/lib/g.journal, level inputs, 5000 records

PEER       STATE       SINCE      ROLE    REMOTE           F13  SUITE        EPOCH OUT/IN  RENEWALS
gateway30  up          1 min 5 s  server  10.1.0.30:50000  tcp  aes-256-gcm  1/0           3
gateway40  connecting  3 s        -       -                -    -            -             -

DROPPED          FRAMES  BY
bad-tag          12      2014 engine
not-our-address  3       2005 ip-stack
`);
  });

  it('--json prints all of it', async () => {
    server = await ControlServer.listen(socket, new FakeGateway());
    const { code, out } = await run('status', '--json', '--socket', socket);
    expect(code).toBe(0);
    expect(JSON.parse(out)).toEqual(STATUS);
  });

  it('--follow goes on with events until the gateway ends', async () => {
    const gateway = new FakeGateway();
    server = await ControlServer.listen(socket, gateway);
    const following = run('status', '--follow', '--json', '--socket', socket);
    await expect.poll(() => gateway.listener, { timeout: 10_000 }).toBeDefined();
    gateway.listener?.({
      time: '2031-05-01T00:00:01.000Z',
      kind: 'tunnel',
      peer: 'gateway30',
      text: 'tunnel to gateway30 is down (peer)',
    });
    await server.close();
    const { code, out } = await following;
    expect(code).toBe(0);
    expect(JSON.parse(out.trim().split('\n').at(-1)!)).toMatchObject({
      kind: 'tunnel',
      text: 'tunnel to gateway30 is down (peer)',
    });
  });

  it('says when there is none', async () => {
    expect(await run('status', '--socket', join(folder, 'none.sock'))).toEqual({
      code: 1,
      out: '',
      err: `glassgate: no gateway runs with the control socket ${folder}/none.sock; start one with \`glassgate up CONFIG\`\n`,
    });
  });
});

describe('glassgate connect, disconnect, renew', () => {
  it('tell the gateway', async () => {
    const gateway = new FakeGateway();
    server = await ControlServer.listen(socket, gateway);
    expect(await run('connect', 'gateway30', '--socket', socket)).toEqual({
      code: 0,
      out: 'gateway30 is being connected to\n',
      err: '',
    });
    expect(await run('disconnect', 'gateway30', '--socket', socket)).toEqual({
      code: 0,
      out: 'gateway30 is being disconnected\n',
      err: '',
    });
    expect(await run('renew', 'gateway30', '--socket', socket)).toEqual({
      code: 0,
      out: 'gateway30 is getting fresh keys\n',
      err: '',
    });
    expect(gateway.commands).toEqual(['connect', 'disconnect', 'renew']);
  });

  it('pass its refusal on', async () => {
    server = await ControlServer.listen(socket, new FakeGateway());
    expect(await run('renew', 'gateway99', '--socket', socket)).toEqual({
      code: 1,
      out: '',
      err: "glassgate: no peer 'gateway99' in the configuration; known are gateway30\n",
    });
  });
});

describe('the examples', () => {
  const examples = fileURLToPath(new URL('../../examples/', import.meta.url));
  /** No tunnel ends there. */
  const WITHOUT_KEYS = ['all-keys-host.yaml', 'terminal21.yaml'];
  it.each(readdirSync(examples))('%s is a good configuration but for its keys', async (name) => {
    const { code, err } = await run('check', '--no-interface', join(examples, name));
    if (WITHOUT_KEYS.includes(name)) return expect(code).toBe(0);
    expect(code).toBe(2);
    expect(err).toMatch(
      /^glassgate: \S+: tls.ca: there is no file \S+; make a CA with `glassgate keys init`, or copy its ca.cert.pem here\n$/,
    );
  });

  it.each(ROLES)('all-keys-%s.yaml has every key of the role', async (role) => {
    const given = keysIn(parse(readFileSync(join(examples, `all-keys-${role}.yaml`), 'utf8')));
    const known = keysOf(roleJsonSchema(role) as SchemaNode);
    expect(known.filter((key) => !given.includes(key))).toEqual([]);
  });
});

interface SchemaNode {
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly items?: SchemaNode;
}

function keysOf({ properties, items }: SchemaNode, path = ''): string[] {
  if (items !== undefined) return keysOf(items, path);
  return Object.entries(properties ?? {}).flatMap(([key, node]) => [
    `${path}${key}`,
    ...keysOf(node, `${path}${key}.`),
  ]);
}

function keysIn(value: unknown, path = ''): string[] {
  if (Array.isArray(value)) return value.flatMap((each) => keysIn(each, path));
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, each]) => [`${path}${key}`, ...keysIn(each, `${path}${key}.`)]);
}
