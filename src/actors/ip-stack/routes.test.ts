import { expect, it } from 'vitest';
import { parseCidr, parseIp4 } from '../../wire/address.ts';
import type { InterfaceAddress } from '../services.ts';
import { nextHop4 } from './routes.ts';

const ip = (text: string): number => parseIp4(text) as number;
const route = (destination: string, gateway: string) => ({
  destination: parseCidr(destination) as { address: number; prefix: number },
  gateway: ip(gateway),
});

it('sends to the link itself, to the router of the longest route, else to the default one', () => {
  const bare: InterfaceAddress = { mac: 1, address: ip('203.0.113.10'), prefixLength: 24 };
  const own: InterfaceAddress = {
    ...bare,
    routes: [
      route('10.0.0.0/8', '203.0.113.1'),
      route('10.2.0.0/16', '203.0.113.2'),
      route('10.3.0.0/16', '203.0.113.3'),
    ],
  };
  const hops = (of: InterfaceAddress, ...to: string[]) => to.map((each) => nextHop4(of, ip(each)));
  expect(hops(own, '203.0.113.99', '10.1.1.1', '10.2.1.1')).toEqual(
    ['203.0.113.99', '203.0.113.1', '203.0.113.2'].map(ip),
  );
  expect(hops(own, '192.0.2.1')).toEqual([undefined]);
  expect(hops({ ...own, gateway: ip('203.0.113.4') }, '192.0.2.1', '10.3.0.1')).toEqual(
    ['203.0.113.4', '203.0.113.3'].map(ip),
  );
  expect(hops(bare, '10.1.1.1')).toEqual([undefined]);
});
