const TO_ENGINE = {
  'command install': 'keys handed over to the engine',
  'command reinstall': 'new keys handed over to the engine',
};
const TO_SSL = {
  'command install': "keys handed over to SSL's record part",
  'command reinstall': "new keys handed over to SSL's record part",
};

/** What an operator reads of a set-up: `layer kind`, then `transition EVENT` or `command NAME` of its machines, in words. */
const STEPS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'intermediate-driver': {
    'transition syn.taken': 'SYN of the local TCP held',
    'command sendHello': 'HELLO sent to the far driver',
    'transition cookie.received': 'cookie received',
    'command sendRequest': 'connection request sent',
    'transition request.accepted': 'connection request accepted',
    'command forgeSyn': 'forged SYN given to the local TCP',
    'transition local.connected': 'SYN+ACK of the local TCP taken',
    'transition local.refused': 'the local TCP refused the forged SYN',
    'command sendComplete': 'connection complete sent',
    'command sendRefused': 'connection refused',
    'transition complete.received': 'connection complete received',
    'transition refused.received': 'the far end refused the connection',
    'command releaseLocal': 'SYN+ACK given to the local TCP',
    'command abortLocal': 'RST given to the local TCP',
  },
  ssl: {
    'command openTls': 'TLS handshake begins',
    'transition tls.secured': 'TLS 1.3 secured, both certificates are good',
    'command sendOffer': 'OFFER sent',
    'command agree': 'OFFER accepted, keys derived',
    'command sendGo': 'GO sent',
    'command accept': 'GO received, keys derived',
  },
  'accelerator-control': TO_ENGINE,
  'gateway-application': TO_SSL,
  'relay-application': TO_SSL,
  engine: {
    'transition start.commanded': 'start command received: the engine accelerates',
    'transition renew.commanded': 'new keys received',
    'transition stop.commanded': 'stop command received',
    'transition opened.first': 'first record of the peer opened',
    'command nextEpoch': 'next epoch begins',
  },
};

/** Words for a journal record of kind `transition` or `command`; undefined for what no operator asks for. */
export function stepText(layerKind: string, kind: string, name: string): string | undefined {
  const key = `${kind} ${name}`;
  // SSL's record part runs the same machine as the engine's.
  return STEPS[layerKind]?.[key] ?? (layerKind === 'ssl' ? STEPS.engine?.[key] : undefined);
}
