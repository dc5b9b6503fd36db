import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process';
import { readlinkSync } from 'node:fs';
import type { Writable } from 'node:stream';
import { exitCode, run } from './command.ts';

/** Set inside to the name of the sandbox's process namespace, which no process outside shares. */
const MARK = 'GLASSGATE_SANDBOX';
const CONTROL_FD = 3;
const PROBE_TIMEOUT_MS = 10_000;
const FORWARDED: NodeJS.Signals[] = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR2', 'SIGWINCH'];

/**
 * The sandbox's first process. Its end ends every process inside, and with them all namespaces. It passes on the signals
 * named on the control pipe, and kills the program when that pipe closes: then whoever started the sandbox is gone.
 * (Descriptor 4 keeps the standard input, which a shell takes away from what it starts in the background.)
 */
const INIT_SCRIPT = `
set -e
if [ -d /run/netns ]; then mount -t tmpfs tmpfs /run/netns; else mount -t tmpfs tmpfs /run; mkdir /run/netns; fi
ip link set lo up
export ${MARK}="$(readlink /proc/self/ns/pid)"
set +e
exec 4<&0
"$@" <&4 4<&- ${CONTROL_FD}<&- &
child=$!
exec 4<&-
{ while read -r signal; do kill -s "$signal" $child; done; kill -s KILL $child; } <&${CONTROL_FD} >/dev/null 2>&1 &
# The shell would announce how the program ended.
exec ${CONTROL_FD}<&- 2>/dev/null
wait $child
exit $?
`;

/** True in a process that was started by {@link enterSandbox} or {@link spawnSandbox}, or by one of those inside. */
export function inSandbox(): boolean {
  const mark = process.env[MARK];
  return mark !== undefined && mark === readlinkSync('/proc/self/ns/pid');
}

export interface SandboxOptions {
  env?: NodeJS.ProcessEnv;
  cwd?: string;
}

export interface SandboxedProcess {
  /** Streams of the program inside; its pid is that of the sandbox. */
  child: ChildProcess;
  /** Sends a signal to the program inside. */
  signal(name: NodeJS.Signals): void;
  /** Exit code of the program inside, 128 + n when signal n ended it. Everything inside has ended then. */
  exit: Promise<number>;
}

/**
 * Starts a program in new network, mount and process namespaces (and a new user namespace for an ordinary user).
 * Nothing it does to interfaces, addresses or firewall rules is seen outside. It ends with this process at the latest.
 */
export function spawnSandbox(
  argv: readonly string[],
  options: SandboxOptions & { stdio: StdioOptions },
): SandboxedProcess {
  const [input, output, errors] = Array.isArray(options.stdio) ? options.stdio : Array(3).fill(options.stdio);
  const child = spawn('unshare', [...unshareFlags(), 'sh', '-c', INIT_SCRIPT, 'sandbox', ...argv], {
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
    stdio: [input, output, errors, 'pipe'],
    // Its own session: a terminal's Ctrl-C reaches the program once, through us.
    detached: true,
  });
  const control = child.stdio[CONTROL_FD] as Writable;
  control.on('error', () => {});
  const signal = (name: NodeJS.Signals): void => void control.write(`${name.replace(/^SIG/, '')}\n`);
  return { child, signal, exit: exitCode(child).finally(() => control.destroy()) };
}

/**
 * Runs a program in a sandbox with this process's standard streams and signals; its exit code. `onStart` gets the pid of a process in
 * the sandbox's network and mount namespaces.
 */
export async function enterSandbox(
  argv: readonly string[],
  { onStart, ...options }: SandboxOptions & { onStart?: (pid: number) => void } = {},
): Promise<number> {
  const sandbox = spawnSandbox(argv, { ...options, stdio: 'inherit' });
  if (sandbox.child.pid !== undefined) onStart?.(sandbox.child.pid);
  const forward = (name: NodeJS.Signals): void => sandbox.signal(name);
  for (const name of FORWARDED) process.on(name, forward);
  try {
    return await sandbox.exit;
  } finally {
    for (const name of FORWARDED) process.off(name, forward);
  }
}

/** Whether namespaces can be had here; if not why, and what would help. */
export type SandboxAbility = { ok: true } | { ok: false; reason: string; remedy: string };

let ability: Promise<SandboxAbility> | undefined;

/** Tries it out: makes two hosts joined by a cable and a firewall rule with connection tracking, once per process. */
export function canSandbox(): Promise<SandboxAbility> {
  ability ??= probe();
  return ability;
}

const TOOLS = [
  { name: 'unshare', package: 'util-linux' },
  { name: 'mount', package: 'mount' },
  { name: 'ip', package: 'iproute2' },
  { name: 'nft', package: 'nftables' },
];

/** Each step prints its name first, so that the last line printed names the one that failed. */
const PROBE_SCRIPT = `
set -e
echo 'network namespaces'; ip netns add a; ip netns add b
echo 'running a program in a network namespace'; ip netns exec a true
echo 'virtual Ethernet (veth)'; ip link add x netns a type veth peer name y netns b
echo 'bridges'; ip -n a link add name hub type bridge
echo 'packet filtering with connection tracking (nftables)'
ip netns exec a nft 'table inet t { chain c { type filter hook forward priority 0; ct state invalid counter drop; }; }'
`;

async function probe(): Promise<SandboxAbility> {
  if (process.platform !== 'linux') {
    return { ok: false, reason: `this is ${process.platform}`, remedy: 'network namespaces need Linux' };
  }
  for (const tool of TOOLS) {
    if ((await run([tool.name, '--version'], { env: toolEnvironment() })).code === 127) {
      const remedy = `install the package that has it (Debian: apt install ${tool.package})`;
      return { ok: false, reason: `the command ${tool.name} is missing`, remedy };
    }
  }
  const sandbox = spawnSandbox(['sh', '-c', PROBE_SCRIPT], { env: toolEnvironment(), stdio: 'pipe' });
  const [steps, errors] = [collect(sandbox.child.stdout), collect(sandbox.child.stderr)];
  const timer = setTimeout(() => sandbox.child.kill('SIGKILL'), PROBE_TIMEOUT_MS);
  const code = await sandbox.exit;
  clearTimeout(timer);
  return code === 0 ? { ok: true } : explain((await steps).trim().split('\n').at(-1) ?? '', (await errors).trim());
}

function explain(step: string, errors: string): SandboxAbility {
  const what = step === '' ? 'private namespaces' : step;
  const remedy =
    process.getuid?.() === 0
      ? 'the kernel or the container forbids it: allow it (CAP_SYS_ADMIN, CAP_NET_ADMIN), or run on the machine itself'
      : 'run as root, or allow user namespaces (sysctl kernel.unprivileged_userns_clone=1 user.max_user_namespaces=10000; on Ubuntu kernel.apparmor_restrict_unprivileged_userns=0)';
  return { ok: false, reason: `no ${what} here: ${errors}`, remedy };
}

async function collect(stream: NodeJS.ReadableStream | null): Promise<string> {
  let text = '';
  for await (const chunk of stream ?? []) text += String(chunk);
  return text;
}

/** An ordinary user's PATH often lacks the folders of ip and nft. */
export function toolEnvironment(): NodeJS.ProcessEnv {
  return { ...process.env, PATH: `${process.env.PATH ?? '/usr/bin:/bin'}:/usr/local/sbin:/usr/sbin:/sbin` };
}

function unshareFlags(): string[] {
  const flags = ['--net', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc'];
  return process.getuid?.() === 0 ? flags : ['--user', '--map-root-user', ...flags];
}
