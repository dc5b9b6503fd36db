import { type HostName, must, nft, sysctl } from './hosts.ts';

/** Packets per verdict. */
export interface FirewallCounters {
  /** Dropped because connection tracking called them INVALID. */
  invalid: number;
  forwarded: number;
  /** Dropped because no rule allows them. */
  blocked: number;
}

/** One line of the connection tracking table. */
export interface ConntrackEntry {
  protocol: string;
  /** TCP only, e.g. `ESTABLISHED`. */
  state?: string;
  source: string;
  destination: string;
  sourcePort?: number;
  destinationPort?: number;
  line: string;
}

const TABLE = 'firewall';

/** A router answers ARP for the asked interface's own addresses only, and is strict about TCP windows. */
const ROUTER_SETTINGS = {
  'net.ipv4.ip_forward': '1',
  'net.ipv4.conf.all.arp_ignore': '1',
  'net.ipv4.conf.default.arp_ignore': '1',
  'net.ipv4.conf.all.arp_announce': '2',
  'net.ipv4.conf.default.arp_announce': '2',
};
/** Known only once connection tracking is in use in that namespace. */
const CONNTRACK_SETTINGS = {
  'net.netfilter.nf_conntrack_tcp_be_liberal': '0',
  'net.netfilter.nf_conntrack_checksum': '1',
};

/** A connection that may be opened; what is left out may be anything. Its answers and all that belongs to it may pass. */
export interface ForwardRule {
  /** Interface that it comes in on. */
  readonly from?: string;
  /** Prefixes or addresses. */
  readonly source?: string;
  readonly destination?: string;
  /** IP protocol number. */
  readonly protocol?: number;
  readonly destinationPort?: number;
  /** Default true. */
  readonly allow?: boolean;
}

/** Hides the senders of what leaves at an interface behind its address (NAT). */
export interface Masquerade {
  readonly interface: string;
  /** False: each connection gets a port of the router's own choice. */
  readonly keepsPorts: boolean;
}

/** Makes a host a stateful firewall that forwards between two addresses only, whoever of them starts. */
export function firewall(host: HostName, one: string, other: string): Promise<void> {
  return filter(host, [
    { source: one, destination: other },
    { source: other, destination: one },
  ]);
}

/**
 * Makes a host a router that lets only such connections be opened; of the rules the first that matches decides. INVALID packets are
 * dropped even within a connection.
 */
export async function filter(host: HostName, rules: readonly ForwardRule[], masquerade?: Masquerade): Promise<void> {
  await sysctl(host, ROUTER_SETTINGS);
  await nft(
    host,
    `table inet ${TABLE} {
       counter invalid { }
       counter forwarded { }
       counter blocked { }
       chain forward {
         type filter hook forward priority filter; policy drop;
         ct state invalid counter name "invalid" drop
         ct state established,related counter name "forwarded" accept
         ${rules.map(ruleText).join('\n         ')}
         counter name "blocked" drop
       }
       chain postrouting {
         type nat hook postrouting priority srcnat;
         ${masquerade === undefined ? '' : masqueradeText(masquerade)}
       }
     }`,
  );
  await sysctl(host, CONNTRACK_SETTINGS);
}

function masqueradeText({ interface: name, keepsPorts }: Masquerade): string {
  return `oifname "${name}" masquerade${keepsPorts ? '' : ' fully-random'}`;
}

function ruleText({ from, source, destination, protocol, destinationPort, allow = true }: ForwardRule): string {
  const matches = [
    from !== undefined && `iifname "${from}"`,
    source !== undefined && `ip saddr ${source}`,
    destination !== undefined && `ip daddr ${destination}`,
    protocol !== undefined && `meta l4proto ${protocol}`,
    destinationPort !== undefined && `th dport ${destinationPort}`,
  ].filter((match) => match !== false);
  const verdict = allow ? 'counter name "forwarded" accept' : 'counter name "blocked" drop';
  return [...matches, verdict].join(' ');
}

export async function firewallCounters(host: HostName): Promise<FirewallCounters> {
  const text = await must(host, ['nft', 'list', 'counters', 'table', 'inet', TABLE]);
  const packets = (name: string): number => Number(new RegExp(`counter ${name} {\\s*packets (\\d+)`).exec(text)?.[1]);
  return { invalid: packets('invalid'), forwarded: packets('forwarded'), blocked: packets('blocked') };
}

/** The connection tracking table. Needs the command conntrack. */
export async function conntrackEntries(host: HostName): Promise<ConntrackEntry[]> {
  const text = await must(host, ['conntrack', '-L']);
  return text.split('\n').filter(Boolean).map(parseConntrackLine);
}

/** `tcp 6 431999 ESTABLISHED src=… dst=… sport=… dport=… src=… …`: the first of each key is the original direction. */
export function parseConntrackLine(line: string): ConntrackEntry {
  const value = (key: string): string | undefined => new RegExp(`\\b${key}=(\\S+)`).exec(line)?.[1];
  const words = line.split(/\s+/);
  const [sport, dport] = [value('sport'), value('dport')];
  return {
    protocol: words[0],
    state: words[0] === 'tcp' ? words[3] : undefined,
    source: value('src') ?? '',
    destination: value('dst') ?? '',
    sourcePort: sport === undefined ? undefined : Number(sport),
    destinationPort: dport === undefined ? undefined : Number(dport),
    line,
  };
}
