import { describe, expect, it } from 'vitest';
import { layerCompliance, type Stimulus } from '../../../test/support/compliance.ts';
import { TestHost } from '../../../test/support/test-host.ts';
import type { ControlFrameMessage } from '../../wire/control-frame.ts';
import type { LayerHost } from '../host.ts';
import { CipherTable } from '../records/cipher-table.ts';
import type { CipherRequest, SslIndication, TcpRequest } from '../services.ts';
import { SslLayer, type SslOptions } from './layer.ts';

const CLIENT_IP = 0x0a00_001e;
const SERVER_IP = 0x0a00_0014;
const FRAME = Uint8Array.from({ length: 90 }, (_, at) => at);
const LEG = { kind: 'leg', digest: new Uint8Array(32).fill(4), shape: 'tcp', handshake: 'hold' };
const HELLO = Uint8Array.of(0x16, 3, 3, 0, 2, 1, 1);

/** The client and the server, with their cipher where the options say. */
const makers = (options: Pick<SslOptions, 'cipher'> = {}) => ({
  client: (host: LayerHost) =>
    new SslLayer(host, 'ssl', { address: CLIENT_IP, peers: [{ name: 'server' }], ...options }),
  server: (host: LayerHost) =>
    new SslLayer(host, 'ssl', { address: SERVER_IP, peers: [{ name: 'client' }], ...options }),
});

/** One end of a session under test hosts, with all that happened to it written down as stimuli. */
class End {
  readonly host = new TestHost();
  readonly stimuli: Stimulus[] = [];
  readonly session: string;
  other!: End;
  /** A cipher beside the CPU, where the layer has none of its own. */
  readonly #table: CipherTable;
  #seen = 0;

  constructor(session: string, make: (host: LayerHost) => SslLayer) {
    this.session = session;
    this.host.attach(make(this.host));
    this.#table = new CipherTable(this.host.vault);
    this.host.start();
  }

  /** Something happens here; what follows from it at both ends happens too. */
  apply(stimulus: Stimulus): void {
    this.stimuli.push(stimulus);
    if ('message' in stimulus) {
      const { frame } = stimulus.message as { frame?: Uint8Array };
      this.host.inject(
        stimulus.port,
        frame === undefined ? stimulus.message : { ...(stimulus.message as object), frame: this.host.frame(frame) },
      );
    } else if ('event' in stimulus) this.host.event(stimulus.event, stimulus.data);
    else if ('wait_us' in stimulus) this.host.advance(stimulus.wait_us);
    this.relay();
  }

  ask(message: object): void {
    this.apply({ port: 'upper', message: { session: this.session, ...message } });
  }

  tcp(message: object): void {
    this.apply({ port: 'lower', message: { connection: this.session, ...message } });
  }

  tls(generation: number, event: object): void {
    this.apply({ event: 'tls', data: { engine: `${this.session}#${generation}`, ...event } as never });
  }

  relay(): void {
    while (this.#seen < this.host.outputs.length) {
      const output = this.host.outputs[this.#seen++];
      if (output?.kind === 'tls' && output.call === 'write') {
        this.other.tls(Number(output.engine.split('#')[1]), { kind: 'data', bytes: output.data });
      } else if (output?.kind === 'send' && output.port === 'lower') this.#toTcp(output.message as TcpRequest);
      else if (output?.kind === 'send' && output.port === 'cipher') this.#toCipher(output.message as CipherRequest);
      else if (output?.kind === 'send' && output.port === 'inline')
        this.#toInlineCipher(output.message as ControlFrameMessage);
      else if (output?.kind === 'send' && output.port === 'upper') this.#toApplication(output.message as SslIndication);
    }
  }

  #toTcp(request: TcpRequest): void {
    if (request.kind === 'write') this.other.tcp({ kind: 'data', bytes: request.bytes });
    else if (request.kind === 'status') this.tcp({ kind: 'status', sendSequence: 100, receiveSequence: 200 });
    else if (request.kind === 'close') this.tcp({ kind: 'closed', reason: 'normal' });
  }

  #toCipher(request: CipherRequest): void {
    const { kind, sessionId } = request;
    if (kind === 'install') this.#table.install(sessionId, request.parameters.keys);
    else if (kind === 'forget') this.#table.remove(sessionId);
    else {
      const record = this.#table[kind](sessionId, request.record) ?? request.record;
      this.apply({ port: 'cipher', message: { kind, sessionId, record } });
    }
  }

  #toInlineCipher(message: ControlFrameMessage): void {
    if (message.kind !== 'start' && message.kind !== 'renew') return;
    this.apply({ port: 'inline', message: { kind: 'started', sessionId: message.session.sessionId } });
  }

  #toApplication(indication: SslIndication): void {
    if (indication.kind !== 'secured') return;
    this.ask({ kind: 'records', parameters: indication.parameters });
    this.ask({ kind: 'installed' });
  }
}

/** A whole session, with a renewal where there may be one; what happened to each end. */
function wholeSession(make: ReturnType<typeof makers>, renews = true): { client: End; server: End } {
  const client = new End('one', make.client);
  const server = new End('accepted-1', make.server);
  [client.other, server.other] = [server, client];
  const wait = (time_us: number) => {
    for (let at = 0; at < time_us; at += 500_000) for (const end of [client, server]) end.apply({ wait_us: 500_000 });
  };
  client.ask({ kind: 'connect', peer: 'server', destination: SERVER_IP, destinationPort: 4433, sourcePort: 50_000 });
  client.tcp({ kind: 'connected', localPort: 50_000 });
  server.tcp({ kind: 'accepted', localPort: 4433, remote: CLIENT_IP, remotePort: 50_000 });
  for (const end of [client, server]) end.ask(LEG);
  const secured = (generation: number) => {
    client.tls(generation, { kind: 'output', bytes: HELLO });
    server.tls(generation, { kind: 'output', bytes: HELLO });
    server.tls(generation, { kind: 'secured', peerName: 'client', matchedBy: 'name' });
    client.tls(generation, { kind: 'secured', peerName: 'server', matchedBy: 'name' });
  };
  secured(1);
  for (const end of [client, server]) end.ask({ kind: 'frame', frame: FRAME });
  client.tcp({ kind: 'full' });
  client.ask({ kind: 'frame', frame: FRAME });
  wait(11_000_000);
  client.tcp({ kind: 'writable', space: 1000 });
  client.tcp({ kind: 'data', bytes: Uint8Array.of(0x40, 0, 0) });
  client.tcp({ kind: 'data', bytes: Uint8Array.of(40, ...new Uint8Array(36)) });
  client.ask({ kind: 'renew' });
  if (renews) secured(2);
  for (const end of [client, server]) end.ask({ kind: 'frame', frame: FRAME });
  wait(31_000_000);
  client.ask({ kind: 'close' });
  for (const end of [client, server]) end.tls(renews ? 2 : 1, { kind: 'ended' });
  return { client, server };
}

const INLINE = makers({ cipher: { by: 'inline', mac: 0x0200_0000_0020 } });

describe('the session that compliance is tested with', () => {
  it('carries frames both ways above an in-line cipher, and ends in order', () => {
    const { client, server } = wholeSession(INLINE, false);
    for (const { host } of [client, server]) {
      const heard = host.sentOn<SslIndication>('upper').map(({ kind }) => kind);
      expect(heard.filter((kind) => kind === 'frame')).toHaveLength(2);
      expect(heard.at(-1)).toBe('closed');
      expect(host.sentOn<ControlFrameMessage>('inline').at(-1)?.kind).toBe('stop');
    }
  });

  it.each([
    ['here', {}],
    ['elsewhere', { cipher: { by: 'service' } as const }],
  ])('carries frames both ways, before and after its renewal, and ends in order: cipher %s', (_where, choice) => {
    const { client, server } = wholeSession(makers(choice));
    for (const { host } of [client, server]) {
      const heard = host.sentOn<SslIndication>('upper').map(({ kind }) => kind);
      expect(heard.filter((kind) => kind === 'frame')).toHaveLength(2);
      expect(heard.filter((kind) => kind === 'secured')).toHaveLength(2);
      expect(heard.at(-1)).toBe('closed');
    }
  });
});

const options = { framePorts: [], settle_us: 10_000_000 };
for (const [where, choice] of [
  ['', {}],
  [', cipher elsewhere', { cipher: { by: 'service' } as const }],
] as const) {
  const make = makers(choice);
  const { client, server } = wholeSession(make);
  layerCompliance(`ssl, the client${where}`, make.client, client.stimuli, options);
  layerCompliance(`ssl, the server${where}`, make.server, server.stimuli, options);
}

{
  const { client, server } = wholeSession(INLINE, false);
  layerCompliance('ssl above an in-line cipher, the client', INLINE.client, client.stimuli, options);
  layerCompliance('ssl above an in-line cipher, the server', INLINE.server, server.stimuli, options);
}
