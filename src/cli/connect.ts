import { Command } from 'commander';
import { ask } from '../transport/runtime/control-client.ts';
import { onlyControlPath } from '../transport/runtime/control-path.ts';
import type { PeerCommand } from '../transport/runtime/control-protocol.ts';
import { EXIT_OK, telling } from './exit-codes.ts';

const WORDS: Readonly<Record<PeerCommand, { readonly does: string; readonly done: string }>> = {
  connect: {
    does: 'Open the session with a peer, and open it again whenever it is lost.',
    done: 'is being connected to',
  },
  disconnect: {
    does: 'End the session with a peer, and open no other until `connect`.',
    done: 'is being disconnected',
  },
  renew: { does: 'Make fresh keys for the session with a peer, in a new TLS session.', done: 'is getting fresh keys' },
};

/** `glassgate connect PEER`, `disconnect PEER`, `renew PEER`. */
export function peerCommand(name: PeerCommand): Command {
  const { does, done } = WORDS[name];
  return new Command(name)
    .description(does)
    .argument('<peer>', 'name of the peer, as in the configuration')
    .option('--socket <path>', "control socket; left out: that of this user's one gateway")
    .addHelpText(
      'after',
      '\nThe answer comes at once; `glassgate status` shows what became of it. A connection is refused where only the\nother end can connect, a renewal where it did, and sooner than 30 s after the last one.\nExit codes: 0 the gateway took it, 1 it refused or none answers, 2 wrong arguments, 3 the socket belongs to another user.',
    )
    .action((peer: string, options: { socket?: string }) =>
      telling(async () => {
        await ask(options.socket ?? onlyControlPath(), { command: name, peer });
        process.stdout.write(`${peer} ${done}\n`);
        return EXIT_OK;
      }),
    );
}
