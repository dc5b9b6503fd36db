import type { Config, HostConfig, HostGatewayConfig } from '../../config/schema.ts';
import { type Mac, parseCidr } from '../../wire/address.ts';
import { interfaceInfo, OsError, openPacket, openTap, type RealPort } from '../os/index.ts';
import { SetupError } from './setup-error.ts';

/** Errors that another user, capability or kernel module would mend. */
const FACILITY_CODES = new Set(['EPERM', 'EACCES', 'EAFNOSUPPORT', 'ENOPROTOOPT', 'ENOSYS', 'UNSUPPORTED']);
/** Missing device files are facilities too, but a missing interface is a slip in the configuration. */
const TUN_DEVICE = '/dev/net/tun';

/** Opens the interface that a configuration names. Throws SetupError. */
export function openInterface(config: Config, file: string): RealPort {
  const { kind, name, virtioHeaders } = config.interface;
  try {
    if (kind === 'tap') return openTap({ name, mtu: config.mtu, vnetHeader: virtioHeaders });
    checkInterface(config, file);
    return openPacket({ interface: name, promiscuous: true, vnetHeader: virtioHeaders });
  } catch (error) {
    throw asSetupError(error, file);
  }
}

/** Opens or makes the TAP that a host's kernel gets, with `mac` as its own there. Throws SetupError. */
export function openKernelTap(
  { tap, interface: wire }: HostConfig | HostGatewayConfig,
  mac: Mac,
  file: string,
): RealPort {
  try {
    const address = tap.address === undefined ? undefined : parseCidr(tap.address);
    return openTap({ name: tap.name, mtu: tap.mtu, vnetHeader: wire.virtioHeaders, mac, ...(address && { address }) });
  } catch (error) {
    throw asSetupError(error, file);
  }
}

/** What can be seen of the interface without any rights. Throws OsError or SetupError. */
function checkInterface({ interface: { name }, mtu }: Config, file: string): void {
  const info = interfaceInfo(name);
  if (!info.up)
    throw new SetupError('config', `${file}: interface.name: ${name} is down; bring it up: \`ip link set ${name} up\``);
  if (info.mtu < mtu)
    throw new SetupError(
      'config',
      `${file}: mtu: ${mtu} is more than the ${info.mtu} of ${name}; lower it here, or raise it there: \`ip link set ${name} mtu ${mtu}\``,
    );
}

/** What `check` can find out about the interface. */
export function inspectInterface(config: Config, file: string): void {
  if (config.interface.kind === 'tap') return;
  try {
    checkInterface(config, file);
  } catch (error) {
    throw asSetupError(error, file);
  }
}

function asSetupError(error: unknown, file: string): unknown {
  if (!(error instanceof OsError)) return error;
  const isFacility = FACILITY_CODES.has(error.code) || error.where === TUN_DEVICE;
  return new SetupError(isFacility ? 'facility' : 'config', `${file}: interface: cannot ${error.message}`);
}
