import { constants, endianness } from 'node:os';
import koffi from 'koffi';
import { errorName, OsError } from './os-error.ts';

/** The few functions of the C library that ports need. All pointers are plain addresses: see {@link Arena}. */
export interface Libc {
  open(path: string, flags: number): number;
  close(fd: number): number;
  read(fd: number, address: number, length: number): number;
  write(fd: number, address: number, length: number): number;
  writev(fd: number, address: number, count: number): number;
  ioctl(fd: number, request: number, address: number): number;
  socket(domain: number, type: number, protocol: number): number;
  bind(fd: number, address: number, length: number): number;
  setsockopt(fd: number, level: number, option: number, address: number, length: number): number;
  getsockopt(fd: number, level: number, option: number, address: number, lengthAddress: number): number;
  recvmmsg(fd: number, address: number, count: number, flags: number, timeoutAddress: number): number;
  sendmmsg(fd: number, address: number, count: number, flags: number): number;
  sendto(fd: number, address: number, length: number, flags: number, to: number, toLength: number): number;
  /** Moves this thread to another namespace. */
  setns(fd: number, type: number): number;
  eventfd(initial: number, flags: number): number;
  poll(address: number, count: number, timeout_ms: number): number;
  /** As poll, with a `struct timespec` for the timeout (address 0: none). */
  ppoll(address: number, count: number, timespecAddress: number, signalMask: number): number;
  /** On libuv's thread pool, so that the event loop stays free. */
  pollAsync(address: number, count: number, timeout_ms: number, done: (result: number) => void): void;
}

let loaded: Libc | undefined;

/** The C library of this process. Throws {@link OsError} where real interfaces are not supported. */
export function libc(): Libc {
  loaded ??= load();
  return loaded;
}

function load(): Libc {
  if (process.platform !== 'linux' || endianness() !== 'LE' || !['x64', 'arm64'].includes(process.arch)) {
    const here = `${process.platform}/${process.arch}`;
    throw new OsError('UNSUPPORTED', 'open a real interface', `on ${here}`, 'needs Linux on x64 or arm64');
  }
  const library = koffi.load(null);
  const poll = library.func('int poll(uintptr_t, ulong, int)');
  return {
    open: library.func('int open(const char *, int)'),
    close: library.func('int close(int)'),
    read: library.func('long read(int, uintptr_t, size_t)'),
    write: library.func('long write(int, uintptr_t, size_t)'),
    writev: library.func('long writev(int, uintptr_t, int)'),
    ioctl: library.func('int ioctl(int, ulong, uintptr_t)'),
    socket: library.func('int socket(int, int, int)'),
    bind: library.func('int bind(int, uintptr_t, uint)'),
    setsockopt: library.func('int setsockopt(int, int, int, uintptr_t, uint)'),
    getsockopt: library.func('int getsockopt(int, int, int, uintptr_t, uintptr_t)'),
    recvmmsg: library.func('int recvmmsg(int, uintptr_t, uint, int, uintptr_t)'),
    sendmmsg: library.func('int sendmmsg(int, uintptr_t, uint, int)'),
    sendto: library.func('long sendto(int, uintptr_t, size_t, int, uintptr_t, uint)'),
    setns: library.func('int setns(int, int)'),
    eventfd: library.func('int eventfd(uint, int)'),
    poll,
    ppoll: library.func('int ppoll(uintptr_t, ulong, uintptr_t, uintptr_t)'),
    pollAsync(address, count, timeout_ms, done) {
      poll.async(address, count, timeout_ms, (error: unknown, result: number) => done(error ? -1 : result));
    },
  };
}

/** Error number of the last failed call of this thread. */
export function lastErrno(): number {
  return koffi.errno();
}

export const { EAGAIN, EINTR } = constants.errno;

/** Passes `result` on, or throws an {@link OsError} with the remedy that fits the error number. */
export function check(result: number, what: string, where: string, remedies: Record<string, string> = {}): number {
  if (result >= 0) return result;
  const code = errorName(lastErrno());
  throw new OsError(code, what, where, remedies[code] ?? 'the kernel refused it');
}

/**
 * Memory with a fixed address that system calls may read and write. V8 never moves the store of an ArrayBuffer of its own,
 * but frees it once nothing refers to it: keep the arena reachable while the kernel or another thread uses the address.
 */
export class Arena {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly address: number;

  constructor(length: number) {
    this.bytes = new Uint8Array(new ArrayBuffer(Math.max(length, ARENA_MIN_BYTES)));
    this.view = new DataView(this.bytes.buffer);
    this.address = Number(koffi.address(this.bytes));
  }
}

/** Address of bytes that somebody else keeps: good for a call that is made at once, while they are reachable, and for more than 64 of them. */
export function addressOf(bytes: Uint8Array): number {
  return Number(koffi.address(bytes));
}

/** Typed arrays of at most 64 bytes live inside V8's movable heap. */
const ARENA_MIN_BYTES = 256;
