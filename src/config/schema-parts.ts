import { z } from 'zod';
import { isPeerName, isPin } from '../actors/ssl/tls-peer.ts';
import { isControlMac, isMulticast, parseMac } from '../wire/address.ts';
import { DEMAND_NETWORKS } from '../wire/demand-rule.ts';

/** Smallest and largest MTU of an interface that a device can stand on, bytes of an IP packet. */
const MTU_MIN = 1280;
export const MTU_MAX = 9216;
/** Smallest MSS that may be forced on inner connections (RFC 9293 section 3.7.1), bytes. */
const MSS_MIN = 536;
/** IFNAMSIZ without the final zero. */
const INTERFACE_NAME_CHARACTERS = 15;
const MINUTES_PER_DAY = 1440;
/** Leaves room for what a tunnel puts around a packet, bytes. */
const HOST_MTU = 1400;
const SECONDS_PER_DAY = 86_400;
const PEERS_MAX = 64;
/** Sites of one relay. */
const RELAY_PEERS_MAX = 1_024;
const ROUTES_MAX = 64;

const peerName = z
  .string()
  .refine(
    isPeerName,
    'a DNS name without wildcards, as in the certificate: letters, digits, - and _ , parts joined by dots',
  );
const portNumber = z.int('a port number, 1 to 65535').min(1).max(65535);
const filePath = z.string().min(1, 'the path of a file');
const ip4 = z.ipv4('an IPv4 address such as 192.0.2.20');
const cidr4 = z.cidrv4('an IPv4 address with the length of its prefix, such as 192.0.2.20/24');
const f13 = z.enum(['tcp', 'udp']);
const handshake = z.enum(['hold', 'immediate']);
export const HANDSHAKE = handshake
  .default('hold')
  .describe('hold: the SYN is held until the far end answers; immediate: it is answered at once');

const mtu = z.int().min(MTU_MIN).max(MTU_MAX);

const interfaceName = z
  .string()
  .min(1)
  .max(INTERFACE_NAME_CHARACTERS, `at most ${INTERFACE_NAME_CHARACTERS} characters`)
  .regex(/^[^\s/]+$/, 'no space and no slash')
  .describe('name of the interface, as `ip link` shows it');

const interfaceSchema = z.strictObject({
  kind: z
    .enum(['packet', 'tap'])
    .default('packet')
    .describe('packet: an existing interface by AF_PACKET; tap: a TAP interface, made if it is not there'),
  name: interfaceName,
  mac: z
    .string()
    .refine(isOwnMac, 'auto, interface, or a unicast MAC such as 02:00:00:00:00:20')
    .default('auto')
    .describe('own MAC; auto: made from its name and the interface; interface: that of the interface'),
  virtioHeaders: z.boolean().default(true).describe('take 64 KB super-frames and partial checksums from the kernel'),
});

const tlsSchema = z.strictObject({
  ca: filePath.describe('certificate of the CA that issued all gateways, PEM'),
  certificate: filePath.describe('own certificate, PEM'),
  key: filePath.describe('own private key, PEM; readable by its user only'),
  crl: filePath.optional().describe('revocation list of the CA, PEM'),
});

export const LISTEN = z.strictObject({
  port: portNumber.describe('port that peers connect to'),
  f13: f13.default('tcp').describe('shape of the tunnel packets: tcp passes stateful firewalls, udp is plain'),
  handshake: HANDSHAKE,
});

const demandSchema = z.strictObject({
  idle_s: z
    .int()
    .min(1)
    .max(SECONDS_PER_DAY)
    .default(300)
    .describe('closes the session when no station here has exchanged a frame with one there for so long'),
  networks: z
    .array(cidr4)
    .max(DEMAND_NETWORKS)
    .default([])
    .describe('where its stations are, such as 10.9.0.2/32; those of earlier sessions are known without'),
});

const peerSchema = z.strictObject({
  name: peerName.describe("name in the peer's certificate"),
  pin: z
    .string()
    .refine(isPin, 'sha256/ and 44 characters of base64, as `glassgate keys show` prints')
    .optional()
    .describe("key that the peer's certificate must have; then its name does not count"),
  address: ip4.optional().describe('where to connect to; needed with connect: true'),
  port: portNumber.optional().describe('port there; needed with connect: true'),
  connect: z.boolean().default(false).describe('true: opens the session and opens it again when it is lost'),
  demand: demandSchema
    .optional()
    .describe('opens the session when traffic for its stations appears; to its address, or to where it called from'),
  f13: f13.default('tcp'),
  handshake: handshake.default('hold'),
});

const journalSchema = z.strictObject({
  file: filePath
    .optional()
    .describe('where the journal goes; left out: no journal. A file of an earlier run is never touched'),
  level: z
    .enum(['off', 'control', 'inputs', 'frames', 'full'])
    .default('inputs')
    .describe('inputs and above can be replayed'),
  maxSize_MiB: z.int().min(1).max(1_048_576).default(1024).describe('the next file is opened at this size'),
  maxAge_h: z.int().min(1).max(8760).default(24).describe('the next file is opened at this age'),
  maxFiles: z.int().min(2).max(10_000).default(10).describe('files of one run that are kept; the oldest goes first'),
});

const controlSchema = z.strictObject({
  socket: filePath.optional().describe('Unix socket for `glassgate status` and the like'),
});

/** Keys that every device has. */
export const DEVICE_KEYS = {
  name: peerName.describe('own name, as in the certificate where there is one'),
  interface: interfaceSchema,
  mtu: mtu.default(1500).describe('bytes of an IP packet on the interface'),
  journal: journalSchema.default(() => journalSchema.parse({})),
  control: controlSchema.default({}),
  user: z.string().min(1).optional().describe('user to become once the interface is open; started as root only'),
  group: z.string().min(1).optional().describe('group to become; left out: the one of the user'),
};

/** The TAP that a host's kernel has as its interface. */
export const TAP = z.strictObject({
  name: interfaceName.default('gg0').describe('name of the TAP, made if it is not there'),
  mtu: mtu.default(HOST_MTU).describe("bytes of an IP packet of the host's kernel"),
  address: cidr4
    .optional()
    .describe('address that the kernel gets there; left out: the administrator or DHCP gives it'),
});

/** The same where the kernel and the gateway below it have each an identity of their own. */
export const OWN_TAP = TAP.extend({
  mac: z
    .string()
    .refine(isOwnMac, 'auto, or a unicast MAC such as 02:00:00:00:00:21')
    .default('auto')
    .describe("MAC of the kernel in the distant LAN; auto: made from the host's name"),
});

/** Whose TCP a host's driver leaves alone. */
export const BYPASS = z.strictObject({
  automatic: z.boolean().default(true).describe('find out which destinations have no counterpart'),
  networks: z.array(cidr4).max(ROUTES_MAX).default([]).describe('networks that certainly have none'),
});

/** Keys of a device that tunnels end at. */
export const TUNNEL_KEYS = {
  address: cidr4.describe('own address; no other host may have it'),
  gateway: ip4.optional().describe('next hop to everything outside of the own network'),
  tls: tlsSchema,
  listen: LISTEN.optional(),
  suites: z
    .array(z.enum(['aes-256-gcm', 'aes-128-gcm', 'chacha20-poly1305']))
    .min(1, 'at least one suite')
    .default(['aes-256-gcm', 'aes-128-gcm', 'chacha20-poly1305'])
    .describe('ciphers for records, the most wanted first'),
  ssl: z
    .enum(['on', 'off'])
    .default('on')
    .describe('off: frames travel in clear, though authenticated; both ends must say so'),
  renewal_min: z
    .int()
    .min(1)
    .max(MINUTES_PER_DAY)
    .default(60)
    .describe('a new TLS session with fresh keys comes after so many minutes'),
};

/** Who may be at the other end of a gateway's tunnels. */
export const PEERS = z.array(peerSchema).min(1, 'at least one peer').max(PEERS_MAX);

/** Who may be at the other end of a relay's tunnels: they come to it. */
export const RELAY_PEERS = z
  .array(peerSchema.omit({ demand: true }))
  .min(1, 'at least one peer')
  .max(RELAY_PEERS_MAX);

export const NUMERALS = z
  .union([z.literal(2000), z.literal(3000), z.literal(4000), z.literal(5000)], '2000, 3000, 4000 or 5000')
  .default(2000)
  .describe('series of the numerals that layers are called by');

export const CLAMP_MSS = z
  .union(
    [z.boolean(), z.int().min(MSS_MIN).max(MTU_MAX)],
    `true, false, or a number of bytes from ${MSS_MIN} to ${MTU_MAX}`,
  )
  .default(true)
  .describe('lower the MSS of connections through the tunnel, so that their packets fit; true: to what fits');

/** Networks that are not behind the default router. */
export const ROUTES = z
  .array(
    z.strictObject({
      to: cidr4.describe('network, such as 203.0.113.0/24'),
      via: ip4.describe('next hop to it, in the own network'),
    }),
  )
  .max(ROUTES_MAX)
  .default([]);

function isOwnMac(text: string): boolean {
  if (text === 'auto' || text === 'interface') return true;
  const mac = parseMac(text);
  return mac !== undefined && mac !== 0 && !isMulticast(mac) && !isControlMac(mac);
}
