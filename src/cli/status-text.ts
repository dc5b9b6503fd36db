import type {
  ConnectionCounts,
  GatewayStatus,
  InterfaceStatus,
  PeerStatus,
} from '../transport/runtime/control-protocol.ts';

const KIB = 1024;
const PEER_HEAD = ['PEER', 'STATE', 'SINCE', 'ROLE', 'REMOTE', 'F13', 'SUITE', 'EPOCH OUT/IN', 'RENEWALS'];
/** Characters. */
const TITLE_WIDTH = 11;
const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];

/** A gateway's status as a table for people. */
export function statusText(status: GatewayStatus): string {
  const lines = [
    `${title(status.role)}${status.name}, embodiment ${status.embodiment}, up ${duration(status.uptime_s)}, pid ${status.pid}, glassgate ${status.version}`,
    `Interface  ${interfaceText(status.interface)}`,
    ...(status.tap === null ? [] : [`TAP        ${interfaceText(status.tap)}`]),
    ...(status.connections === null ? [] : [`TCP        ${connectionsText(status.connections)}`]),
    ...tunnelLines(status),
    `Journal    ${journalText(status)}`,
    ...(status.peers.length === 0 ? [] : ['', ...table(PEER_HEAD, status.peers.map(peerRow))]),
  ];
  const drops = status.drops.filter((drop) => !isOrdinary(drop));
  if (drops.length > 0) {
    const rows = [...drops]
      .sort((one, other) => other.count - one.count)
      .map(({ layer, kind, reason, count }) => [reason, String(count), `${layer} ${kind}`]);
    lines.push('', ...table(['DROPPED', 'FRAMES', 'BY'], rows));
  }
  if (status.internalErrors > 0) lines.push('', `${status.internalErrors} internal errors: please report them`);
  return lines.join('\n');
}

function connectionsText({ now, carried, leftAlone, refused, lateFrames }: ConnectionCounts): string {
  const late = lateFrames === 0 ? '' : `; ${lateFrames} late frames of connections that were over`;
  return `${now} connections now, ${carried} carried since the start, ${leftAlone} left alone, ${refused} refused${late}`;
}

/** The last frames of a connection may come when it is over; the line about TCP tells them. */
function isOrdinary({ kind, reason }: GatewayStatus['drops'][number]): boolean {
  return kind === 'terminal-driver' && reason === 'no-session';
}

/** `gateway` as the head of a line. */
function title(role: string): string {
  return `${role.slice(0, 1).toUpperCase()}${role.slice(1)}`.padEnd(TITLE_WIDTH);
}

function tunnelLines({ address, listen, framesSealed, framesOpened }: GatewayStatus): string[] {
  if (address === null) return [];
  const listens = listen === null ? '' : `, listens on port ${listen.port} (${listen.f13}, ${listen.handshake})`;
  return [`Address    ${address}${listens}`, `Frames     ${framesSealed} sealed, ${framesOpened} opened`];
}

function interfaceText(port: InterfaceStatus): string {
  const lost = port.framesLost === 0 ? '' : `, ${port.framesLost} lost`;
  return `${port.name} (${port.kind}, MAC ${port.mac}, MTU ${port.mtu} B), ${port.framesReceived} frames in (${bytes(port.bytesReceived)}), ${port.framesSent} out (${bytes(port.bytesSent)})${lost}`;
}

function journalText({ journal }: GatewayStatus): string {
  if (journal === null) return 'none';
  return `${journal.file}, level ${journal.level}, ${journal.records} records${journal.lost === 0 ? '' : `, ${journal.lost} lost`}`;
}

function peerRow({ name, state, since_s, session }: PeerStatus): string[] {
  const epoch = session?.epoch === null || session === null ? '-' : `${session.epoch.send}/${session.epoch.receive}`;
  return [
    name,
    state,
    duration(since_s),
    session?.role ?? '-',
    session?.remote ?? '-',
    session?.f13 ?? '-',
    session?.suite ?? '-',
    epoch,
    session === null ? '-' : String(session.renewals),
  ];
}

function table(head: string[], rows: string[][]): string[] {
  const widths = head.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => (row[column] as string).length)),
  );
  return [head, ...rows].map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] as number))
      .join('  ')
      .trimEnd(),
  );
}

/** `3 d 4 h`, `4 h 12 min`, `12 min 5 s`, `5 s`. */
export function duration(total_s: number): string {
  const parts: [number, string][] = [
    [Math.floor(total_s / 86_400), 'd'],
    [Math.floor(total_s / 3600) % 24, 'h'],
    [Math.floor(total_s / 60) % 60, 'min'],
    [total_s % 60, 's'],
  ];
  const first = parts.findIndex(([count]) => count > 0);
  if (first < 0) return '0 s';
  return parts
    .slice(first, first + 2)
    .filter(([count]) => count > 0)
    .map(([count, unit]) => `${count} ${unit}`)
    .join(' ');
}

/** Binary units with one decimal from KiB on. */
export function bytes(count: number): string {
  let value = count;
  let unit = 0;
  while (value >= KIB && unit < UNITS.length - 1) {
    value /= KIB;
    unit += 1;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${UNITS[unit]}`;
}
