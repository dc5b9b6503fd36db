import { bytesToHex, hexToBytes } from '@noble/hashes/utils.js';
import { describe, expect, it } from 'vitest';
import {
  type AgreedSetup,
  exporterContext,
  firstSecret,
  hkdfExpandLabel,
  keyAndSalt,
  nextSecret,
} from './key-schedule.ts';

/** RFC 8448 section 3, "Simple 1-RTT Handshake": TLS_AES_128_GCM_SHA256. */
const RFC_8448 = {
  earlySecret: '33ad0a1c607ec03b09e6cd9893680ce210adf300aa1f2660e1b22e10f170f92a',
  emptyHash: 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
  derived: '6f2615a108c702c5678f54fc9dbab69716c076189c48250cebeac3576c3611ba',
  handshakeSecret: '1dc826e93606aa6fdc0aadc12f741b01046aa6b99f691ed221a9f0ca043fbeac',
  helloHash: '860c06edc07858ee8e78f0e7428c58edd6b43f2ca3e6e95f02ed063cf0e1cad8',
  clientTraffic: 'b3eddb126e067f35a780b3abf45e2d8f3b1a950738f52e9600746a0e27a55a21',
  serverTraffic: 'b67b7d690cc16c4e75e54213cb2d37b4e9c912bcded9105d42befd59d391ad38',
  serverKey: '3fce516009c21727d0f2e4e86ee403bc',
  serverIv: '5d313eb2671276ee13000b30',
  serverFinished: '008d3b66f816ea559f96b537e885c31fc068bf492c652f01f288a1d8cdc19fc8',
};

function expanded(secret: string, label: string, context: string, length: number): string {
  return bytesToHex(hkdfExpandLabel(hexToBytes(secret), label, hexToBytes(context), length));
}

describe('HKDF-Expand-Label (RFC 8446 7.1, vectors of RFC 8448 section 3)', () => {
  it('derives secrets over a transcript hash', () => {
    expect(expanded(RFC_8448.earlySecret, 'derived', RFC_8448.emptyHash, 32)).toBe(RFC_8448.derived);
    expect(expanded(RFC_8448.handshakeSecret, 'c hs traffic', RFC_8448.helloHash, 32)).toBe(RFC_8448.clientTraffic);
    expect(expanded(RFC_8448.handshakeSecret, 's hs traffic', RFC_8448.helloHash, 32)).toBe(RFC_8448.serverTraffic);
  });

  it('derives keys and IVs of other lengths without a context', () => {
    expect(expanded(RFC_8448.serverTraffic, 'key', '', 16)).toBe(RFC_8448.serverKey);
    expect(expanded(RFC_8448.serverTraffic, 'iv', '', 12)).toBe(RFC_8448.serverIv);
    expect(expanded(RFC_8448.serverTraffic, 'finished', '', 32)).toBe(RFC_8448.serverFinished);
  });
});

describe('record secrets', () => {
  const base = new Uint8Array(32).fill(9);

  it('differ by direction, purpose, engine and epoch', () => {
    const secrets: string[] = [];
    for (const direction of ['c2s', 's2c'] as const) {
      for (const purpose of ['data', 'control'] as const) {
        for (const engine of [0, 1, 256, 0xffff]) {
          const first = firstSecret(base, direction, purpose, engine);
          secrets.push(bytesToHex(first), bytesToHex(nextSecret(first)), bytesToHex(nextSecret(nextSecret(first))));
        }
      }
    }
    expect(new Set(secrets).size).toBe(2 * 2 * 4 * 3);
  });

  it('give a key of the suite and a salt of 4 bytes', () => {
    expect(keyAndSalt(base, 1).key.length).toBe(32);
    expect(keyAndSalt(base, 2).key.length).toBe(16);
    expect(keyAndSalt(base, 3).key.length).toBe(32);
    expect(keyAndSalt(base, 2).salt.length).toBe(4);
  });
});

describe('the exporter context', () => {
  const setup: AgreedSetup = {
    clientConnectionId: 0x01020304,
    serverConnectionId: 0xfffefdfc,
    suitesOffered: [1, 3],
    suiteChosen: 1,
    f13: 'tcp',
    ordersOffered: 3,
    orderChosen: 1,
    handshake: 'hold',
    legDigest: new Uint8Array(32).fill(7),
  };
  const changes: Partial<AgreedSetup>[] = [
    { clientConnectionId: 0x01020305 },
    { serverConnectionId: 0xfffefdfd },
    { clientConnectionId: setup.serverConnectionId, serverConnectionId: setup.clientConnectionId },
    { suitesOffered: [3, 1] },
    { suitesOffered: [1] },
    { suiteChosen: 3 },
    { f13: 'udp' },
    { ordersOffered: 2 },
    { orderChosen: 0 },
    { handshake: 'immediate' },
    { legDigest: new Uint8Array(32).fill(8) },
  ];

  it('changes with every single thing that was agreed on', () => {
    const hashes = [setup, ...changes.map((change) => ({ ...setup, ...change }))].map((each) =>
      bytesToHex(exporterContext(each)),
    );
    expect(new Set(hashes).size).toBe(changes.length + 1);
  });

  it('is the same for the same agreement', () => {
    expect(exporterContext({ ...setup })).toEqual(exporterContext(setup));
  });

  it('wants a digest of 32 bytes', () => {
    expect(() => exporterContext({ ...setup, legDigest: new Uint8Array(31) })).toThrow(RangeError);
  });
});
