import { existsSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { TWO_LAN } from '../netlab/index.ts';
import { gatewayFiles } from './gateways.ts';

const ENTER_FILE = 'enter';
const EXECUTABLE_MODE = 0o755;
// An ordinary user's PATH often lacks the folders of ip and nft.
const SYSTEM_FOLDERS = ['/usr/local/sbin', '/usr/sbin', '/sbin'];
/** Debian's packages of the programs that the hints use. */
const PACKAGES = {
  ping: 'iputils-ping',
  tcpdump: 'tcpdump',
  tshark: 'tshark',
  nft: 'nftables',
  conntrack: 'conntrack',
};

type Program = keyof typeof PACKAGES;
type IsInstalled = (program: Program) => boolean;

/**
 * Leaves a script in the folder that runs a command on one of the hosts, from outside. `pid`: a process in the sandbox's namespaces, as
 * it is called out there.
 */
export function leaveEntrance(folder: string, pid: number): void {
  const user = process.getuid?.() === 0 ? '' : '-U --preserve-credentials ';
  const lines = [
    '#!/bin/sh',
    `# ${ENTER_FILE} HOST COMMAND...: runs a command on a host of the demo.`,
    `PATH="$PATH:${SYSTEM_FOLDERS.join(':')}"`,
    `exec nsenter -t ${pid} ${user}-m -n --pid=/proc/${pid}/ns/pid_for_children ip netns exec "$@"`,
    '',
  ];
  writeFileSync(join(folder, ENTER_FILE), lines.join('\n'), { mode: EXECUTABLE_MODE });
}

/** What to try while the demo stays up, with exact commands for another terminal: only those whose programs are there. */
export function hints(folder: string, command: readonly string[], isInstalled: IsInstalled = isInPath): string {
  const glassgate = commandText(command);
  const [near, far] = [gatewayFiles(folder, 20), gatewayFiles(folder, 30)];
  const lines = [
    ...hostHints(join(folder, ENTER_FILE), isInstalled),
    'ask a gateway what it does, end the tunnel, open it again',
    `    ${glassgate} status --socket ${near.socket}`,
    `    ${glassgate} disconnect gateway20 --socket ${far.socket}`,
    `    ${glassgate} connect gateway20 --socket ${far.socket}`,
    'replay all that gateway 20 has done so far, and compare every event',
    `    ${glassgate} replay ${near.journal} --verify`,
    'what gateway 20 received and sent, for Wireshark',
    `    ${glassgate} export ${near.journal} --pcapng gateway20.pcapng`,
  ];
  const below = 'Below: frames that gateway 20 sealed and opened, its throughput, and drops in both gateways.';
  return ['', 'The tunnel stays up. Try in another terminal:', ...lines.map((line) => `  ${line}`), '', below].join(
    '\n',
  );
}

function hostHints(enter: string, isInstalled: IsInstalled): string[] {
  if (!existsSync(enter)) return [];
  const { terminal, server, firewall, taps } = TWO_LAN;
  const missing = new Set<string>();
  const lineOf = (program: Program, line: string): string[] => {
    if (isInstalled(program)) return [`    ${enter} ${line}`];
    missing.add(PACKAGES[program]);
    return [];
  };
  const { host, interface: w3 } = taps.W3;
  const capture = (): string[] =>
    isInstalled('tshark')
      ? lineOf('tshark', `${host} tshark -i ${w3}`)
      : lineOf('tcpdump', `${host} tcpdump -nei ${w3}`);
  const lines = [
    'be on a host (t21, s31, gw20, gw30, fw33, hub22, hub32)',
    `    ${enter} ${terminal.host} bash`,
    ...lineOf('ping', `${terminal.host} ping ${server.ip}`),
    ...titled('look at the wire between gateway 20 and the firewall', capture()),
    ...titled('see what the firewall counts, and the one connection that it knows', [
      ...lineOf('nft', `${firewall.host} nft list counters`),
      ...lineOf('conntrack', `${firewall.host} conntrack -L`),
    ]),
  ];
  return missing.size === 0 ? lines : [...lines, `(more of it with: apt install ${[...missing].join(' ')})`];
}

/** Nothing where there is nothing to put a title on. */
function titled(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : [title, ...lines];
}

function isInPath(program: Program): boolean {
  const folders = [...(process.env.PATH ?? '').split(delimiter), ...SYSTEM_FOLDERS];
  return folders.some((folder) => folder !== '' && existsSync(join(folder, program)));
}

/** In a clone the launcher, which takes any Node; where glassgate is installed, its name. */
function commandText(command: readonly string[]): string {
  const program = command.at(-1) ?? '';
  const clone = /^(.*)\/(src\/cli\/main\.ts|bin\/glassgate\.js)$/.exec(program);
  return clone === null || program.includes('/node_modules/') ? 'glassgate' : `${clone[1]}/bin/glassgate.js`;
}
