/** `glassgate up CONFIG`, but every secret of the run is appended to the file CONFIG.secrets as a line of hex. For one test only. */
import { appendFileSync } from 'node:fs';
import { startGateway } from '../../src/transport/runtime/gateway-process.ts';

const configFile = process.argv[3];
const gateway = await startGateway({
  configFile,
  onEvent: (event) => process.stdout.write(`${JSON.stringify(event)}\n`),
  onSecret: (bytes) => appendFileSync(`${configFile}.secrets`, `${Buffer.from(bytes).toString('hex')}\n`),
});
await new Promise((resolve) => process.once('SIGTERM', resolve));
await gateway.stop();
