import { createServer, type Server } from 'node:net';
import { type Config, hasTunnels } from '../../config/schema.ts';
import { SetupError } from './setup-error.ts';

/**
 * Two gateways with one address on one interface would answer for each other. The lock is a name in the network namespace's abstract
 * sockets: it guards what is in that namespace, and is gone when the process is, however it ended. Throws SetupError.
 */
export async function lockInstance(config: Config, file: string): Promise<Server> {
  const { name } = config.interface;
  const who = hasTunnels(config) ? config.address.replace(/\/.*/, '') : config.role;
  const lock = createServer((socket) => socket.destroy());
  lock.unref();
  try {
    await new Promise<void>((resolve, reject) => {
      lock.once('error', reject);
      lock.listen(`\0glassgate ${name} ${who}`, () => resolve());
    });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    throw new SetupError(
      'runtime',
      `${file}: interface.name: ${hasTunnels(config) ? `another gateway runs on ${name} with the address ${config.address}` : `another driver runs on ${name}`}; stop it first, or change one of the two`,
    );
  }
  return lock;
}
