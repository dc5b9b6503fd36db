import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { boundariesOf, devicePlan } from './device-plan.ts';
import { GATEWAYS } from './embodiments.ts';
import { gatewayOptions, relayOptions } from './gateway-options.ts';
import { nearest } from './nearest.ts';
import { judge, parseConfig } from './parse.ts';
import { configJsonSchema, type GatewayConfig, ROLES, roleJsonSchema } from './schema.ts';
import { warningsOf } from './warnings.ts';

const GOOD = `name: gateway20
interface:
  name: eth0
address: 10.1.0.20/24
gateway: 10.1.0.1
tls:
  ca: ca.cert.pem
  certificate: gateway20.cert.pem
  key: gateway20.key.pem
listen:
  port: 4433
peers:
  - name: gateway30
    address: 10.2.0.30
    port: 4434
    connect: true
`;

/** GOOD with one line replaced, or with lines appended; the errors. */
function errorsOf(change: string | [line: string, by: string]): readonly string[] {
  const text = typeof change === 'string' ? `${GOOD}${change}\n` : GOOD.replace(change[0], change[1]);
  expect(text).not.toBe(GOOD);
  const parsed = parseConfig(text, 'g.yaml');
  return parsed.ok ? [] : parsed.errors;
}

describe('a good configuration', () => {
  it('has its defaults filled in', () => {
    const parsed = parseConfig(GOOD, 'g.yaml');
    expect(parsed).toMatchObject({
      ok: true,
      config: {
        role: 'gateway',
        embodiment: 'engine',
        interface: { kind: 'packet', mac: 'auto', virtioHeaders: true },
        mtu: 1500,
        listen: { f13: 'tcp', handshake: 'hold' },
        peers: [{ f13: 'tcp', handshake: 'hold' }],
        clampMss: true,
        renewal_min: 60,
        journal: { level: 'inputs', maxSize_MiB: 1024 },
      },
    });
  });

  it('is judged alike when it comes back from a journal', () => {
    const parsed = parseConfig(GOOD, 'g.yaml');
    if (!parsed.ok) throw new Error(parsed.errors.join());
    expect(judge(structuredClone(parsed.config))).toEqual({ ok: true, config: parsed.config });
  });

  it('becomes what a gateway is built from', () => {
    const parsed = parseConfig(GOOD, 'g.yaml');
    if (!parsed.ok) throw new Error(parsed.errors.join());
    expect(gatewayOptions(parsed.config as GatewayConfig, 0x02_00_00_00_00_20)).toEqual({
      kind: 'engine',
      numerals: 2000,
      name: 'gateway20',
      mac: 0x02_00_00_00_00_20,
      ip: 0x0a01_0014,
      prefixLength: 24,
      gateway: 0x0a01_0001,
      mtu: 1500,
      listen: { port: 4433, shape: 'tcp', handshake: 'hold' },
      peers: [{ name: 'gateway30', address: 0x0a02_001e, port: 4434, connect: true, shape: 'tcp', handshake: 'hold' }],
      suites: [1, 2, 3],
      // 1500 less IP and TCP shape 40, record 32, Ethernet with a tag 18, inner IP and TCP 40.
      clampMss: 1370,
      renewal_ms: 3_600_000,
    });
  });

  it('may be told to open a session on demand', () => {
    const text = GOOD.replace('connect: true', 'demand: { networks: [10.9.0.2/32] }').replace(
      'listen:\n  port: 4433\n',
      '',
    );
    const parsed = parseConfig(text, 'g.yaml');
    if (!parsed.ok) throw new Error(parsed.errors.join());
    expect(gatewayOptions(parsed.config as GatewayConfig, 1).peers[0]).toMatchObject({
      connect: false,
      demand: { idle_ms: 300_000, networks: [{ address: 0x0a09_0002, prefix: 32 }] },
    });
  });

  it('may turn SSL off, knowingly, and is warned', () => {
    const optionsOf = (text: string) => {
      const parsed = parseConfig(`${GOOD}${text}\n`, 'g.yaml');
      if (!parsed.ok) return parsed.errors;
      return {
        suites: gatewayOptions(parsed.config as GatewayConfig, 1).suites,
        warnings: warningsOf(parsed.config as GatewayConfig),
      };
    };
    expect(optionsOf('ssl: on')).toEqual({ suites: [1, 2, 3], warnings: [] });
    expect(optionsOf('ssl: off')).toEqual([
      expect.stringMatching(/^g.yaml:17:6: ssl: off is dangerous: .*'accept: \[no-secrecy\]'$/),
    ]);
    expect(optionsOf('ssl: off\nsuites: [aes-128-gcm]\naccept: [no-secrecy]')).toEqual({
      suites: [4],
      warnings: [expect.stringMatching(/^SSL IS OFF, NOTHING IS ENCRYPTED on the way to gateway30/)],
    });
  });

  it('may say that MSS stays, or what it is', () => {
    const optionsOf = (text: string) => {
      const parsed = parseConfig(`${GOOD}${text}\n`, 'g.yaml');
      return parsed.ok ? gatewayOptions(parsed.config as GatewayConfig, 1).clampMss : parsed.errors;
    };
    expect(optionsOf('clampMss: false')).toBeUndefined();
    expect(optionsOf('clampMss: 1200')).toBe(1200);
  });
});

describe('each mistake is one line with place, value and remedy', () => {
  const cases: [string | [string, string], string][] = [
    [['    address: 10.2', '    adress: 10.2'], "g.yaml:14:5: peers[0].adress: unknown key, did you mean 'address'?"],
    ['keepalive: 3', 'g.yaml:17:1: keepalive: unknown key, known are role, embodiment, '],
    ['embodyment: engine', "g.yaml:17:1: embodyment: unknown key, did you mean 'embodiment'?"],
    [['name: gateway20\n', '\n'], 'g.yaml:2:1: name: missing; it must be given'],
    [['  key: gateway20.key.pem\n', ''], 'g.yaml:7:3: tls.key: missing; it must be given'],
    [
      ['name: gateway20', 'name: gate way'],
      "g.yaml:1:7: name: must be a DNS name without wildcards, as in the certificate: letters, digits, - and _ , parts joined by dots, not 'gate way'",
    ],
    [
      ['  name: eth0', '  name: eth0\n  kind: tapp'],
      "g.yaml:4:9: interface.kind: must be packet or tap, not 'tapp'; did you mean 'tap'?",
    ],
    [
      ['  name: eth0', '  name: an-interface-too-long'],
      "g.yaml:3:9: interface.name: must have at most 15 characters, not 'an-interface-too-long'",
    ],
    [['  name: eth0', "  name: ''"], "g.yaml:3:9: interface.name: must not be empty, not ''"],
    [
      ['  name: eth0', '  name: eth0\n  mac: 01:00:5e:00:00:01'],
      "g.yaml:4:8: interface.mac: must be auto, interface, or a unicast MAC such as 02:00:00:00:00:20, not '01:00:5e:00:00:01'",
    ],
    [
      ['  name: eth0', '  name: eth0\n  mac: 00:00:4c:00:00:0c'],
      "g.yaml:4:8: interface.mac: must be auto, interface, or a unicast MAC such as 02:00:00:00:00:20, not '00:00:4c:00:00:0c'",
    ],
    [
      ['10.1.0.20/24', '10.1.0.20'],
      "g.yaml:4:10: address: must be an IPv4 address with the length of its prefix, such as 192.0.2.20/24, not '10.1.0.20'",
    ],
    [
      ['10.1.0.20/24', '10.1.0.255/24'],
      'g.yaml:4:10: address: must be a host, not the broadcast address of the network',
    ],
    [['10.1.0.20/24', '10.1.0.0/24'], 'g.yaml:4:10: address: must be a host, not the network itself'],
    [['10.1.0.20/24', '224.0.0.5/24'], "g.yaml:4:10: address: must be a host's address, not one with another use"],
    [['gateway: 10.1.0.1', 'gateway: 10.9.0.1'], 'g.yaml:5:10: gateway: must be in the own network 10.1.0.20/24'],
    [['gateway: 10.1.0.1', 'gateway: 10.1.0.20'], 'g.yaml:5:10: gateway: must not be the own address'],
    [
      ['gateway: 10.1.0.1\n', ''],
      "g.yaml:13:14: peers[0].address: is outside of the own network 10.1.0.20/24: the key 'gateway' must name the next hop",
    ],
    [['  port: 4433', '  port: 70000'], 'g.yaml:11:9: listen.port: must be at most 65535, not 70000'],
    [['  port: 4433', '  port: http'], "g.yaml:11:9: listen.port: must be a port number, 1 to 65535, not 'http'"],
    [['- name: gateway30', '- name: gateway20'], "g.yaml:13:11: peers[0].name: 'gateway20' is this gateway itself"],
    ['  - name: gateway30', "g.yaml:17:11: peers[1].name: 'gateway30' is peers[0] already"],
    [['    port: 4434\n', ''], 'g.yaml:13:5: peers[0].port: missing; connect: true needs it'],
    [
      ['connect: true', 'connect: true\n    demand: {}'],
      'g.yaml:17:13: peers[0].demand: has no use with connect: true',
    ],
    [['port: 4434\n    connect: true', 'demand: {}'], 'g.yaml:13:5: peers[0].port: missing; demand needs it'],
    [
      ['connect: true', 'demand: { networks: [10.9.0.2] }'],
      "g.yaml:16:26: peers[0].demand.networks[0]: must be an IPv4 address with the length of its prefix, such as 192.0.2.20/24, not '10.9.0.2'",
    ],
    [['address: 10.2.0.30', 'address: 10.1.0.20'], 'g.yaml:14:14: peers[0].address: must not be the own address'],
    ['mtu: 500', 'g.yaml:17:6: mtu: must be at least 1280, not 500'],
    ['mtu: 1500.5', 'g.yaml:17:6: mtu: must be a whole number, not 1500.5'],
    [
      'suites: [aes-256-gcm, rot13]',
      "g.yaml:17:23: suites[1]: must be aes-256-gcm, aes-128-gcm or chacha20-poly1305, not 'rot13'",
    ],
    ['suites: []', 'g.yaml:17:9: suites: must have at least 1 entry, not an empty list'],
    [
      'clampMss: perhaps',
      "g.yaml:17:11: clampMss: must be true, false, or a number of bytes from 536 to 9216, not 'perhaps'",
    ],
    [
      'embodiment: engin',
      `g.yaml:17:13: embodiment: must be ${Object.keys(GATEWAYS)
        .join(', ')
        .replace(/, (?=[^,]*$)/, ' or ')}, not 'engin'; did you mean 'engine'?`,
    ],
    ['journal: everything', "g.yaml:17:10: journal: must be a group of keys, not 'everything'"],
    [
      'journal: {level: input}',
      "g.yaml:17:18: journal.level: must be off, control, inputs, frames or full, not 'input'; did you mean 'inputs'?",
    ],
    ['name: again', 'g.yaml:17:1: Map keys must be unique'],
    ['\tmtu: 3', 'g.yaml:17:'],
  ];
  it.each(cases)('%j', (change, message) => {
    const errors = errorsOf(change);
    expect(errors).toHaveLength(1);
    expect(errors[0]?.slice(0, message.endsWith(', ') || !message.includes(' ') ? message.length : undefined)).toBe(
      message,
    );
  });

  it('needs somebody who opens a session', () => {
    const text = GOOD.replace('listen:\n  port: 4433\n', '').replace('    connect: true\n', '');
    expect(parseConfig(text, 'g.yaml')).toEqual({
      ok: false,
      errors: ["g.yaml:1:1: nobody would open a session: give 'listen', or a peer 'connect: true'"],
    });
  });

  it('knows what does not apply to TCP over TCP, which has no intermediate driver', () => {
    const trueTcp = `embodiment: tcp-over-tcp\n${GOOD}`;
    const parsed = parseConfig(trueTcp, 'g.yaml');
    if (!parsed.ok) throw new Error(parsed.errors.join());
    expect(gatewayOptions(parsed.config as GatewayConfig, 1).kind).toBe('tcp-over-tcp');
    const text = trueTcp
      .replace('4433', '4433\n  f13: udp')
      .replace('connect: true', 'connect: true\n    f13: udp\n    handshake: immediate');
    const notThere = 'does not apply to embodiment tcp-over-tcp';
    expect(parseConfig(text, 'g.yaml')).toEqual({
      ok: false,
      errors: [
        `g.yaml:13:8: listen.f13: udp ${notThere}: its tunnel is a true TCP`,
        `g.yaml:19:10: peers[0].f13: udp ${notThere}: its tunnel is a true TCP`,
        `g.yaml:20:16: peers[0].handshake: immediate ${notThere}: no driver is there to answer a SYN`,
      ],
    });
    expect(parseConfig(text.replace('tcp-over-tcp', 'software'), 'g.yaml')).toMatchObject({ ok: true });
  });

  it('knows that UDP in place of TCP has no other shape', () => {
    const text = `embodiment: engine-udp\n${GOOD}`;
    const parsed = parseConfig(text, 'g.yaml');
    expect(parsed).toMatchObject({ ok: true, config: { listen: { f13: 'udp' }, peers: [{ f13: 'udp' }] } });
    if (parsed.ok) expect(judge(structuredClone(parsed.config))).toEqual(parsed);
    expect(parseConfig(text.replace('4433', '4433\n  handshake: immediate'), 'g.yaml')).toEqual({
      ok: false,
      errors: [
        'g.yaml:13:14: listen.handshake: immediate does not apply to embodiment engine-udp: no driver is there to answer a SYN',
      ],
    });
  });

  it('tells all of them at once, in the order of the file', () => {
    const text = GOOD.replace('10.1.0.20/24', '300.1.1.1/8').replace('4433', '0').replace('name: eth0', 'nam: eth0');
    const parsed = parseConfig(text, 'g.yaml');
    expect(parsed.ok ? [] : parsed.errors.map((line) => line.split(' ')[0])).toEqual([
      'g.yaml:3:3:',
      'g.yaml:3:3:',
      'g.yaml:4:10:',
      'g.yaml:11:9:',
    ]);
  });
});

describe('text that is no configuration', () => {
  it.each(['', '# only a comment\n', 'null'])('%j is empty', (text) => {
    expect(parseConfig(text, 'f')).toEqual({ ok: false, errors: ['f:1:1: the file is empty'] });
  });
  it.each(['just words', '- a\n- list', '[', '{a: [1, 2}', '*nowhere', '"\\x"', 'a: b: c', '%YAML 9\n---\n'])(
    '%j is refused, not thrown',
    (text) => {
      const parsed = parseConfig(text, 'f');
      expect(parsed.ok).toBe(false);
      for (const line of parsed.ok ? [] : parsed.errors) expect(line).toMatch(/^f:\d+:\d+: \S/);
    },
  );
  it('aliases that multiply are refused', () => {
    const bomb = [
      'a: &a [x,x,x,x,x,x,x,x,x,x]',
      ...'bcdefgh'.split('').map((name, at) => `${name}: &${name} [${`*${'abcdefg'[at]},`.repeat(10)}]`),
    ].join('\n');
    const parsed = parseConfig(bomb, 'f');
    expect(parsed).toMatchObject({ ok: false, errors: [expect.stringMatching(/^f:1:1: Excessive alias count/)] });
  });
});

describe('a relay', () => {
  const RELAY = GOOD.replace('name: gateway20\n', 'role: relay\nname: relay10\n').replace('    connect: true\n', '');
  const parsedRelay = (text = RELAY) => parseConfig(text, 'r.yaml');

  it('is told its peers, its port and its routes', () => {
    const parsed = parsedRelay(`${RELAY}routes: [{ to: 10.3.0.0/16, via: 10.1.0.9 }]\n`);
    if (!parsed.ok || parsed.config.role !== 'relay') throw new Error('no relay');
    expect(relayOptions(parsed.config, 1)).toMatchObject({
      kind: 'driver',
      listen: { port: 4433, shape: 'tcp', handshake: 'hold' },
      routes: [{ destination: { address: 0x0a03_0000, prefix: 16 }, gateway: 0x0a01_0009 }],
      peers: [{ name: 'gateway30', connect: false }],
    });
  });

  it('must listen, has keys of its own, and is no gateway', () => {
    const errors = (text: string) => {
      const parsed = parsedRelay(text);
      return parsed.ok ? [] : parsed.errors;
    };
    expect(errors(RELAY.replace('listen:\n  port: 4433\n', ''))).toEqual([
      'r.yaml:1:1: listen: missing; it must be given',
    ]);
    expect(errors(`${RELAY}numerals: 2000\n`)[0]).toBe(
      'r.yaml:17:1: numerals: only for role gateway, host or host-gateway',
    );
    expect(errors(`${RELAY}tap: {}\n`)[0]).toBe('r.yaml:17:1: tap: only for role host or host-gateway');
    expect(errors(`${RELAY}routes: [{ to: 10.3.0.0, via: 10.1.0.9 }]\n`)).toEqual([
      "r.yaml:17:16: routes[0].to: must be an IPv4 address with the length of its prefix, such as 192.0.2.20/24, not '10.3.0.0'",
    ]);
    expect(errors(`${RELAY}routes: [{ to: 10.3.0.0/16, via: 10.9.0.9 }]\n`)).toEqual([
      'r.yaml:17:34: routes[0].via: must be in the own network 10.1.0.20/24',
    ]);
    expect(errors(RELAY.replace('role: relay', 'role: relais'))[0]).toBe(
      "r.yaml:1:7: role: must be gateway, relay, host or host-gateway, not 'relais'; did you mean 'relay'?",
    );
  });
});

describe('a host', () => {
  const HOST = 'role: host\nname: terminal21\ninterface: { name: eth0 }\n';
  const errors = (text: string) => {
    const parsed = parseConfig(text, 'h.yaml');
    return parsed.ok ? [] : parsed.errors;
  };

  it('has a driver between its TAP and the wire', () => {
    const parsed = parseConfig(`${HOST}bypass: { networks: [10.3.0.0/16] }\nnumerals: 3000\n`, 'h.yaml');
    if (!parsed.ok) throw new Error(parsed.errors.join());
    expect(parsed.config).toMatchObject({ embodiment: 'driver', tap: { name: 'gg0', mtu: 1400 }, handshake: 'hold' });
    const plan = devicePlan(parsed.config, 0x02_00_00_00_00_31);
    expect(boundariesOf(plan)).toEqual({ wire: '3113', kernel: '31T' });
    expect(plan.layers[0]).toMatchObject({
      label: '3106',
      options: {
        mac: 0x02_00_00_00_00_31,
        mtu: 1400,
        bypass: { automatic: true, networks: [{ address: 0x0a03_0000, prefix: 16 }] },
      },
    });
  });

  it('has no tunnel, and its TAP must fit the wire', () => {
    expect(errors(`${HOST}peers: []\n`)[0]).toBe('h.yaml:4:1: peers: only for role gateway, relay or host-gateway');
    expect(errors(`${HOST}tap: { mtu: 1600 }\n`)).toEqual([
      'h.yaml:4:13: tap.mtu: must be at most the 1500 of the interface',
    ]);
    expect(errors(`${HOST}tap: { name: eth0 }\n`)).toEqual([
      'h.yaml:4:14: tap.name: must not be the interface on the wire',
    ]);
  });
});

describe('a gateway inside a host', () => {
  const HOST = `role: host-gateway\n${GOOD}`;

  it('has its kernel above a TAP with a MAC of its own', () => {
    const parsed = parseConfig(HOST, 'h.yaml');
    if (!parsed.ok) throw new Error(parsed.errors.join());
    expect(parsed.config).toMatchObject({ embodiment: 'software', tap: { name: 'gg0', mac: 'auto', mtu: 1400 } });
    const plan = devicePlan(parsed.config, 1);
    expect(boundariesOf(plan)).toEqual({ wire: '2113', kernel: '21T' });
    expect(plan.layers.map(({ label }) => label)).toEqual([
      ...['2001A', '2002', '2003', '2004', '2005', '2006'],
      ...['2105', '2111', '2112'],
    ]);
    expect(plan.joins).toContain('cable.21T - 2001A.nic');
  });

  it('needs consent as a gateway does, and another name for its TAP than that of the wire', () => {
    const errorsOf = (text: string) => {
      const parsed = parseConfig(text, 'h.yaml');
      return parsed.ok ? [] : parsed.errors;
    };
    expect(errorsOf(`${HOST}embodiment: driver-y\n`)).toEqual([
      expect.stringMatching(/^h.yaml:18:13: embodiment: driver-y is dangerous: .* writes 'accept: \[no-integrity\]'$/),
    ]);
    expect(errorsOf(`${HOST}tap: { name: eth0 }\n`)).toEqual([
      'h.yaml:18:14: tap.name: must not be the interface on the wire',
    ]);
  });
});

describe('what is dangerous', () => {
  it('runs only where the configuration says that somebody knows', () => {
    const text = `embodiment: engine-y\n${GOOD}`;
    expect(parseConfig(text, 'g.yaml')).toEqual({
      ok: false,
      errors: [
        "g.yaml:1:13: embodiment: engine-y is dangerous: its cipher hides frames but does not notice changed ones; who wants it all the same writes 'accept: [no-integrity]'",
      ],
    });
    expect(parseConfig(`${text}accept: [no-integrity]\n`, 'g.yaml')).toMatchObject({ ok: true });
    expect(parseConfig(`${text}accept: [no-secrecy]\n`, 'g.yaml')).toMatchObject({ ok: false });
  });
});

describe('JSON Schema', () => {
  it('comes from the same definition, and a good file fits its required keys', () => {
    const schema = roleJsonSchema('gateway') as {
      required: string[];
      properties: Record<string, unknown>;
      additionalProperties: boolean;
    };
    expect(schema.additionalProperties).toBe(false);
    const given = Object.keys(parse(GOOD) as object);
    expect(schema.required.filter((key) => !given.includes(key))).toEqual([]);
    expect(given.filter((key) => !(key in schema.properties))).toEqual([]);
    expect(configJsonSchema()).toMatchObject({ anyOf: ROLES.map(roleJsonSchema) });
  });
});

describe('nearest', () => {
  it.each([
    ['adress', 'address'],
    ['naem', 'name'],
    ['Port', 'port'],
    ['zzz', undefined],
    ['x', undefined],
  ])('%s is meant to be %s', (word, meant) => {
    expect(nearest(word, ['address', 'name', 'port'])).toBe(meant);
  });
});
